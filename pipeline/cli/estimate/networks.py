"""What a network costs: parameters, operations and memory of one example, counted on PyTorch's meta device, where no
value is computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pipeline.training.task import check_device

BACKWARD = 2
"""Operations of a backward pass, in forward passes."""


@dataclass(frozen=True)
class NetworkCost:
    """Of one example: `operations` of a forward pass, and bytes of what its backward pass keeps."""

    parameters: int
    operations: float
    kept_bytes: float

    def training_bytes(self, batch: int, moments: int = 1) -> float:
        """Return the memory of a training step: weights, gradients, the optimiser's `moments`, and a batch."""
        return 4.0 * self.parameters * (2 + moments) + 2 * batch * self.kept_bytes

    def plus(self, parameters: int, operations: float, kept_bytes: float = 0.0) -> NetworkCost:
        """Return the cost with that of further layers."""
        return NetworkCost(self.parameters + parameters, self.operations + operations, self.kept_bytes + kept_bytes)


def cost_of(
    build: Callable[[], nn.Module], shape: Sequence[int], call: Callable[[nn.Module, torch.Tensor], object]
) -> NetworkCost:
    """Return the cost of a network for one example of (1, *shape)."""
    with torch.device("meta"):
        network = build().train()
        inputs = torch.empty((1, *shape))
    storages: dict[int, int] = {}
    own = {parameter.untyped_storage()._cdata for parameter in network.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()  # views share one
        if storage._cdata not in own:
            storages[storage._cdata] = storage.nbytes()
        return tensor

    counter = FlopCounterMode(display=False)
    with counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        call(network, inputs)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return NetworkCost(parameters, counter.get_total_flops(), float(sum(storages.values())))


def dense_cost(widths: Sequence[int]) -> NetworkCost:
    """Return the cost of fully connected layers."""
    weights = sum(before * after for before, after in pairwise(widths))
    return NetworkCost(weights + sum(widths[1:]), 2.0 * weights, 8.0 * sum(widths))


def lstm_cost(columns: int, cells: int, rows: int) -> NetworkCost:
    """Return the cost of an LSTM on `rows` rows."""
    weights = 4 * cells * (columns + cells)
    return NetworkCost(weights + 8 * cells, 2.0 * weights * rows, 4.0 * rows * (columns + 10 * cells))


def encoder_cost(columns: int, width: int, layers: int, rows: float, inner: int) -> NetworkCost:
    """Return the cost of a Transformer encoder on `rows` rows, its feed-forward layers `inner` times as wide (Vaswani
    et al. 2017, section 3), behind a projection of `columns`; 0: without one.
    """
    weights = columns * width + layers * (4 + 2 * inner) * width**2
    operations = 2 * weights * rows + layers * 4 * width * rows**2
    return NetworkCost(weights, operations, 4 * rows * (columns + layers * ((8 + 2 * inner) * width + rows)))


@cache
def rate(device: str) -> float:
    """Return the operations a second of training here, measured on a convolution and a linear layer for a moment."""
    check_device(device)
    network = nn.Sequential(nn.Conv2d(64, 128, 3, padding=1), nn.ReLU(), nn.Conv2d(128, 128, 3, padding=1)).to(device)
    inputs = torch.ones((16 if device == "cuda" else 2, 64, 56, 56), device=device)
    done, began = 0, 0.0
    for number in range(10_000):
        network(inputs).sum().backward()
        if device == "cuda":
            torch.cuda.synchronize()
        if number == 1:  # the first ones are slow
            done, began = 0, time.perf_counter()
        done += 1
        if number > 3 and time.perf_counter() - began > 0.7:
            break
    weights = sum(layer.weight.numel() for layer in network if isinstance(layer, nn.Conv2d))
    operations = 2.0 * weights * 56 * 56 * len(inputs) * (1 + BACKWARD)
    return operations * (done - 1) / (time.perf_counter() - began)
