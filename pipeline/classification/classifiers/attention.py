"""attention: a small Transformer encoder over the frames of audio and video together, Vaswani et al. 2017.

Made for features side by side (`join`), and takes one feature, too. With modality dropout (Neverova et al. 2016,
"ModDrop") a training clip loses its audio or its video now and then, so that the network judges test clips by what
there is of them. Trained in every fold by the loop of `_sequences.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch.nn.utils.rnn import pad_sequence

from pipeline.classification.candidates import Tried, combinations
from pipeline.classification.classifiers._sequences import LoopSettings, SequenceClassifier
from pipeline.core.settings import Settings
from pipeline.networks.joint_attention import PADDING, JointAttention
from pipeline.training.datasets import Dataset, Scaler

LIGHT, JOINED = False, True


class _Attention(Settings):
    width: Tried[Annotated[int, Field(ge=2)]] = Field(description="columns of the encoder; even, a multiple of `heads`")
    heads: Tried[Annotated[int, Field(ge=1)]] = Field(description="of attention")
    layers: Tried[Annotated[int, Field(ge=0)]] = Field(description="of the encoder; 0 = attention pooling alone")
    dropout: Tried[Annotated[float, Field(ge=0, lt=1)]] = Field(description="in the encoder and behind the pooling")
    modality_dropout: Tried[Annotated[float, Field(ge=0, lt=1)]] = Field(
        description="how often a training clip with both modalities loses one of them, as often the audio as the video"
    )


class Params(LoopSettings, _Attention):  # fields stand in files in the order of the bases from right to left
    """Network and training."""

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        for one in combinations(self):
            if one.width % 2 or one.width % one.heads:
                raise ValueError(f"width {one.width} is not even, or not a multiple of {one.heads} heads")
        return self


class Classifier(SequenceClassifier):
    """One network on one feature, or on several side by side."""

    params: Any
    timed = True

    def new_network(self, widths: tuple[int, ...]) -> JointAttention:
        """Return the network."""
        p = self.params
        return JointAttention(widths, self.classes, p.width, p.heads, p.layers, p.dropout)

    def _measure(self, train: Dataset) -> None:
        """Learn the scaling of every column from the training rows that have it; where none has, nothing is scaled."""
        self.known, self.widths = np.unique(train.labels), train.widths or (train.sequences[0].shape[1],)
        mean, scale = np.zeros(sum(self.widths), np.float32), np.ones(sum(self.widths), np.float32)
        for number, (begin, end) in enumerate(pairwise(np.cumsum([0, *self.widths]).tolist())):
            if any((self._parts(one) == number).any() for one in train.sequences):
                found = Scaler.over(train, self._rows(train, number, begin, end))
                mean[begin:end], scale[begin:end] = found.mean, found.scale
        self.scaler = Scaler(mean, scale)

    def _rows(self, data: Dataset, number: int, begin: int, end: int) -> Iterator[np.ndarray]:
        for one in data.sequences:
            yield one[self._parts(one) == number, begin:end]

    def _parts(self, sequence: np.ndarray) -> np.ndarray:
        """Return which feature each row is of: the one in whose columns it has values."""
        return (~np.isnan(sequence[:, np.cumsum([0, *self.widths[:-1]])])).argmax(axis=1)

    def _logits(self, data: Dataset) -> torch.Tensor:
        times = data.times or [np.arange(len(one)) * self.params.step_s for one in data.sequences]
        clips = [self._tensors(*one) for one in zip(data.sequences, times, strict=True)]
        if not self.network.training:  # one by one: neither padding nor neighbours change a bit of it
            return torch.cat([self.network(*(tensor[None] for tensor in clip)) for clip in clips])
        clips = [self._dropped(clip, data.modalities) for clip in clips]
        fill = (0.0, PADDING, 0.0)
        each = zip(zip(*clips, strict=True), fill, strict=True)
        found: torch.Tensor = self.network(*(pad_sequence(list(some), True, value) for some, value in each))
        return found

    def _tensors(self, sequence: np.ndarray, times: np.ndarray) -> tuple[torch.Tensor, ...]:
        values, parts = np.nan_to_num(self.scaler(sequence)), self._parts(sequence)
        made = (values.astype(np.float32), parts.astype(np.int64), np.array(times, np.float32))
        return tuple(torch.from_numpy(one).to(self.place.device) for one in made)

    def _dropped(self, clip: tuple[torch.Tensor, ...], modalities: tuple[str, ...]) -> tuple[torch.Tensor, ...]:
        """Return a training clip as it is, or without one of its modalities."""
        chance, which = torch.rand(2).tolist()
        kinds = torch.tensor([kind == "audio" for kind in modalities] or [True]).to(clip[1].device)[clip[1]]
        if chance >= self.params.modality_dropout or kinds.all() or not kinds.any():
            return clip
        kept = kinds if which < 0.5 else ~kinds
        return tuple(tensor[kept] for tensor in clip)
