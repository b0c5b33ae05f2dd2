"""Which weights a network is trained by, and how."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import torch
from torch import nn


class Rates(Protocol):
    """The settings of an optimiser."""

    @property
    def optimiser(self) -> str: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def momentum(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...


def weight_groups(network: nn.Module, new: str, factor: float) -> list[dict[str, Any]]:
    """Return the weights of a network for an optimiser; those of the layer `new` learn `factor` times as fast."""
    layer = list(network.get_submodule(new).parameters()) if new and factor != 1 else []
    body = [weight for weight in network.parameters() if all(weight is not one for one in layer)]
    return [{"params": body}, *([{"params": layer, "factor": factor}] if layer else [])]


def new_optimiser(params: Rates, groups: Iterable[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return adam, or stochastic gradient descent with momentum; the loop multiplies a group's rate by its `factor`."""
    settings: dict[str, Any] = {"lr": params.learning_rate, "weight_decay": params.weight_decay}
    if params.optimiser == "adam":
        return torch.optim.Adam(groups, **settings)
    return torch.optim.SGD(groups, momentum=params.momentum, **settings)
