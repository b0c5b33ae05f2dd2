"""a60: bottleneck features of a speech DNN trained on phones, Huang et al. 2017, section 3.1 and Fig. 3b.

Paper: 60 nodes in the last hidden layer. Weights: `pretrain@a60`, trained in this pipeline on phone alignments.
Output: (T, 60) float32 at the rate of mfcc39, without unit.
"""

from __future__ import annotations

from pathlib import Path

import torch

from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.signal import context, normalise_utterance
from pipeline.weights.files import load_state, load_weights

INPUT = "mfcc39"


class Params(Settings):
    """Everything that matters is in the weights."""


class Extractor:
    """The trained speech DNN up to its last hidden layer."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("a60 needs the weights that `dvc repro pretrain@a60` trains")
        loaded = load_weights(weights)
        self.source_speakers = loaded.config["speakers"]
        config = loaded.config
        self.reach = int(config["context"])
        self.mfcc = config["mfcc"]
        self.network = load_state(SpeechDNN(**config["network"]), loaded, weights)
        last = config["network"]["last"]
        self.meta = FeatureMeta(
            feature="a60",
            dimension=last,
            dtype="float32",
            rate_hz=1000 / self.mfcc["hop_ms"],
            layer=f"hidden layer 6, bottleneck ({last})",
            params=params.model_dump(),
            weights=loaded.sha256,
            origin=loaded.origin,
        )

    def check_input(self, meta: FeatureMeta) -> None:
        """Refuse MFCC that the network was not trained on.

        Raises:
            SettingsError: `extract.mfcc39` and the weights' own settings differ
        """
        if dict(meta.params) != self.mfcc:
            different = sorted(k for k in self.mfcc if meta.params.get(k) != self.mfcc[k])
            raise SettingsError(
                f"params.yaml: extract.mfcc39 differs from pretrain.a60.mfcc in {', '.join(different)}; make both equal"
            )

    @torch.inference_mode()
    def __call__(self, mfcc: ClipFeatures) -> ClipFeatures:
        """Return (T, 60) for MFCC (T, 39)."""
        frames = torch.from_numpy(context(normalise_utterance(mfcc.values), self.reach))
        values = self.network.features(frames).numpy()
        return ClipFeatures(values, mfcc.times, mfcc.mask)
