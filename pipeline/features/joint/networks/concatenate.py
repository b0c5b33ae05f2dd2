"""concatenate: the features side by side, feature-level fusion of Zhang et al. 2017, section IV.C.2."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
        return inputs.astype(np.float32)

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def fit(params: Params, train: Segments, *_: Any) -> tuple[Concatenated, list[Row]]:  # noqa: ARG001
    """Return the identity and an empty history."""
    return Concatenated(train.inputs.shape[1]), []


def chosen(params: Params, history: list[Row]) -> Params:  # noqa: ARG001
    """Return the settings as they are."""
    return params


def load(params: Params, state: Mapping[str, torch.Tensor], columns: int, classes: int) -> Concatenated:  # noqa: ARG001
    """Return the identity."""
    return Concatenated(columns)
