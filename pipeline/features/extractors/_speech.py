"""What a60 and a1024 share: a speech DNN up to its last hidden layer, Huang et al. 2017, section 3.1 and Fig. 3."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.audio.spectral import NORMAL_ROWS, context, normalise
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.moments import moments
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.core.weights_file import load_state, load_weights
from pipeline.media.audio_blocks import over_seams
from pipeline.networks.speech_dnn import SpeechDNN

ROWS = 256
"""Frames that go through the network at a time."""


class SpeechParams(Settings):
    """Everything that matters is in the weights."""


class SpeechExtractor:
    """The trained speech DNN up to its last hidden layer, which has as many nodes as the feature's name promises."""

    def __init__(self, feature: str, nodes: int, params: Settings, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError(f"{feature} needs the weights that `dvc repro pretrain@{feature}` trains")
        loaded = load_weights(weights)
        self.feature = feature
        self.source_speakers = loaded.config["speakers"]
        self.reach = int(loaded.config["context"])
        self.mfcc, shape = loaded.config["mfcc"], loaded.config["network"]
        self.normal = loaded.config.get("normal")
        if shape["last"] != nodes:
            remedy = f"set pretrain.{feature}.settings.last to {nodes}"
            raise WeightsError(f"{weights}: its last hidden layer has {shape['last']} nodes; {remedy}")
        self.network = load_state(SpeechDNN(**shape), loaded, weights)
        layer = f"hidden layer 6{', bottleneck' * shape['bottleneck']} ({nodes}), inner layers of {shape['hidden']}"
        told: dict[str, Any] = {"params": params.model_dump(), **loaded.told}
        self.meta = FeatureMeta(feature, nodes, "float32", 1000 / self.mfcc["hop_ms"], layer=layer, **told)

    def check_input(self, meta: FeatureMeta) -> None:
        """Refuse MFCC of other settings than those that the network was trained on."""
        if dict(meta.params) != self.mfcc:
            different = sorted(k for k in self.mfcc if meta.params.get(k) != self.mfcc[k])
            raise SettingsError(
                f"params.yaml: extract.mfcc39 differs from pretrain.{self.feature}.mfcc in "
                f"{', '.join(different)}; make both equal"
            )

    def __call__(self, mfcc: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (n, nodes) for MFCC (T, 39), normalised as in training: over the clip, or by the source's frames.

        Beyond `ROWS` frames the last bits differ from those of all frames at once, less than 1e-5 of the largest value.
        """
        if self.normal:
            mean, deviation = np.array(self.normal["mean"]), np.array(self.normal["deviation"])
        else:
            mean, deviation = moments(block.values for block in mfcc.blocks(NORMAL_ROWS))
        normal = (normalise(block.values, mean, deviation) for block in mfcc.blocks(ROWS))
        done = 0
        for frames in over_seams(normal, self.reach, lambda rows: context(rows, self.reach)):
            rows = slice(done, done + len(frames))
            yield ClipFeatures(self._hidden(frames), mfcc.times[rows], mfcc.mask[rows])
            done += len(frames)

    @torch.inference_mode()
    def _hidden(self, frames: np.ndarray) -> np.ndarray:
        # copied: rows that wait for a chunk of the file to be full would break up the memory that torch works in
        return self.network.features(torch.from_numpy(frames)).numpy().copy()
