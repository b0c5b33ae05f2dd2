"""fine_tuned: the last layers of an audio encoder, trained in every fold on the rows of the layers below them.

Layer-wise learning rates as in Howard and Ruder 2018 ("ULMFiT", discriminative fine-tuning, section 3.2): each layer
learns `layer_decay` as fast as the one above it, the new softmax layer on mean and deviation over time `new_rate` times
as fast as the last. The feature is that of the frozen layers, which are so computed once per clip, for all folds.
Whisper's encoder out of a package, or a sound encoder of a model hub (`hub_audio`): `_encoder.py`. Of the latter the
blocks' own dropout is in force while they are trained, as their configuration says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from pipeline.classification.candidates import Tried
from pipeline.classification.classifiers._encoder import encoder_of
from pipeline.classification.classifiers._sequences import LoopSettings, SequenceClassifier
from pipeline.core.errors import SettingsError
from pipeline.core.feature_records import FeatureMeta
from pipeline.core.settings import Settings
from pipeline.networks.encoder_top import EncoderTop, TunedEncoder, pooled
from pipeline.training.datasets import Dataset, Scaler

LIGHT, WEIGHTS = False, True
_MOST = 1e6


class _Tuning(Settings):
    trained_layers: int = Field(
        1, ge=1, description="the last layers, which are trained; the feature's `layer` has to be the one below them"
    )
    layer_decay: Tried[Annotated[float, Field(gt=0, le=1)]] = Field(
        0.8, description="factor on the learning rate from one layer to the one below it"
    )
    new_rate: Tried[Annotated[float, Field(gt=0)]] = Field(
        10.0, description="factor on the learning rate of the softmax layer, which is new"
    )
    dropout: Tried[Annotated[float, Field(ge=0, lt=1)]] = Field(0.3, description="before the softmax layer")


class Params(LoopSettings, _Tuning):  # fields stand in files in the order of the bases from right to left
    """What is trained, and how; `pretrained` is read by the plan of stages."""

    pretrained: str = Field("whisper", pattern=r"^\w+$", description="feature of `fetch_weights` whose encoder it is")
    step_s: float = Field(0.0, ge=0, le=0, description="0: an encoder's layers take the rows as they are")


def check_input(meta: FeatureMeta, weights: Path) -> None:
    """Refuse rows of another network."""
    if meta.weights != encoder_of(weights).sha256:
        raise SettingsError(
            f"fine_tuned: {meta.feature} was not made by the encoder of {weights}; train it on its rows"
        )


def check_layer(meta: FeatureMeta, weights: Path, params: Params) -> None:
    """Refuse rows of another layer than the one below those that are trained."""
    layers, layer = encoder_of(weights).layers, meta.params.get("layer", meta.params.get("layers"))
    if params.trained_layers >= layers or layer != layers - params.trained_layers:
        raise SettingsError(
            f"params.yaml: train.fine_tuned.trained_layers is {params.trained_layers} of {layers}, but {meta.feature} "
            f"has rows of layer {layer}; make the sum {layers}"
        )


class Classifier(SequenceClassifier):
    """The top of one encoder on the rows of its layers below."""

    params: Any
    network: TunedEncoder

    def __init__(self, params: Params, classes: int, weights: Path | None) -> None:
        super().__init__(params, classes)
        encoder = encoder_of(weights)
        self.source: EncoderTop = encoder.top(encoder.layers - params.trained_layers)

    def _measure(self, train: Dataset) -> None:
        """Learn what the encoder gives for training clips before it is trained further, on average."""
        self.known, self.widths = np.unique(train.labels), (train.sequences[0].shape[1],)
        self.scaler = Scaler.of(train, np.concatenate(list(self._begun(train))))

    @torch.inference_mode()
    def _begun(self, data: Dataset) -> Iterator[np.ndarray]:
        top = self.source.to(self.place.device).eval()
        for rows in data.sequences:
            yield pooled(top(self._placed(rows)))[None].cpu().numpy()

    def _placed(self, rows: np.ndarray) -> torch.Tensor:
        # within what the squares of a normalisation can hold; no encoder gives as much
        return torch.from_numpy(np.clip(rows, -_MOST, _MOST).astype(np.float32)).to(self.place.device)

    def new_network(self, widths: tuple[int, ...]) -> TunedEncoder:  # noqa: ARG002
        """Return the pre-trained layers with a new softmax layer."""
        mean, scale = (torch.from_numpy(one) for one in (self.scaler.mean, self.scaler.scale))
        return TunedEncoder(self.source, self.classes, self.params.dropout, mean, scale)

    def _groups(self) -> list[dict[str, Any]]:
        p = self.params
        return list(self.network.groups(p.layer_decay, p.new_rate, p.weight_decay))

    def _logits(self, data: Dataset) -> torch.Tensor:
        # clip by clip, in training too: no padding is computed, and none has to be masked
        return torch.stack([self.network(self._placed(rows)) for rows in data.sequences])
