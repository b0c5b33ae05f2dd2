"""Which weights a network is trained by, and how."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch import nn
from torch.optim import Optimizer

__all__ = ["SGD", "Adam", "Optimizer", "Rates", "new_optimiser", "weight_groups"]

for _name in ("add_param_group", "zero_grad", "state_dict", "load_state_dict"):
    # at their first call PyTorch imports its compiler, for 1.4 s of every process, to keep it away from them, and at
    # the first step likewise (below); nothing here is compiled, so all are called as they are
    if _method := getattr(getattr(Optimizer, _name), "__wrapped__", None):
        _method.__dynamo_disable = _method


def _plain(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return an optimiser's step, which is no part of what is differentiated, as its class wrote it."""
    return torch.no_grad()(getattr(step, "__wrapped__", step))


class SGD(torch.optim.SGD):
    """PyTorch's stochastic gradient descent, without its compiler."""

    step = _plain(torch.optim.SGD.step)


class Adam(torch.optim.Adam):
    """PyTorch's Adam, without its compiler."""

    step = _plain(torch.optim.Adam.step)


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


def new_optimiser(params: Rates, groups: Iterable[dict[str, Any]]) -> Optimizer:
    """Return adam, or stochastic gradient descent with momentum; the loop multiplies a group's rate by its `factor`."""
    settings: dict[str, Any] = {"lr": params.learning_rate, "weight_decay": params.weight_decay}
    if params.optimiser == "adam":
        return Adam(groups, **settings)
    return SGD(groups, momentum=params.momentum, **settings)
