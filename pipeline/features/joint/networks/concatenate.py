"""concatenate: the features side by side, feature-level fusion of Zhang et al. 2017, section IV.C.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.core.settings import Settings
from pipeline.features.joint.networks import Row, Segments


class Params(Settings):
    """Nothing to set: nothing is learned."""


@dataclass(frozen=True)
class Concatenated:
    """The inputs themselves."""

    dimension: int

    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return a copy of inputs (S, dimension) as float32."""
        return inputs.astype(np.float32)

    def state(self) -> dict[str, torch.Tensor]:
        """Return nothing, which is what was learned."""
        return {}


def fit(
    params: Params,  # noqa: ARG001
    train: Segments,
    val: Segments,  # noqa: ARG001
    classes: int,  # noqa: ARG001
    device: str = "cpu",  # noqa: ARG001
) -> tuple[Concatenated, list[Row]]:
    """Return the identity and an empty history."""
    return Concatenated(train.inputs.shape[1]), []


def load(params: Params, state: Mapping[str, torch.Tensor], columns: int, classes: int) -> Concatenated:  # noqa: ARG001
    """Return the identity."""
    return Concatenated(columns)
