"""One file per way to make one feature of two, segment by segment. A plugin has

    Params      its settings
    fit         `fit(params, train, val, classes, device="cpu") -> (joint, history)`: `train` and `val` are `Segments`,
                whose inputs are the features side by side; the joint is a `Joint`; the history has the keys of `ROW`
    load        `load(params, state, columns, classes) -> joint`: the joint of a kept `state()`, for inputs of so many
                columns

Everything that is learned (scaling included) is learned from `train`; `val` only decides when to stop, and may be
empty. A class that `train` lacks is no error. The same segments and settings give the same bytes on one CPU thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

ROW = ("phase", "epoch", "loss", "val_loss", "val_accuracy")
"""Keys of every row of a history: phase `rbm1`, `rbm2`, ... or `tune`; epoch from 0; the mean loss over the training
segments (reconstruction error for `rbm`, cross-entropy for `tune`); None where a value does not apply."""

Row = dict[str, str | int | float | None]


@dataclass(frozen=True)
class Segments:
    """Segments of clips.

    Attributes:
        inputs: (S, D) float32, the features to fuse side by side
        labels: (S,) int64, class indices; a segment has its clip's
        part: train, val or test; what is fitted on other clips than train is refused
    """

    inputs: np.ndarray
    labels: np.ndarray
    part: str = "train"

    def __len__(self) -> int:
        return len(self.labels)


class Joint(Protocol):
    """A learned joint feature."""

    @property
    def dimension(self) -> int:
        """Columns of the feature."""

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return the joint feature (S, dimension) float32 of inputs (S, D) float32."""

    def state(self) -> dict[str, torch.Tensor]:
        """Return everything that was learned, on the CPU."""
