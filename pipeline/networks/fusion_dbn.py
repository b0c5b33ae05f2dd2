"""Fusion networks of Zhang et al. 2017: hidden layers, the last of which is the joint feature, and a softmax layer.

Section III.B.2: the DBN, sigmoid layers that begin as restricted Boltzmann machines. Section IV.D: its FC counterpart
with a dropout layer before the softmax layer. At real size DBN-1, -2 and -3, like FC-1, -2 and -3, are
8192-4096[-2048[-1024]]-C.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import nn

from pipeline.networks.layers import HE, begun, dense
from pipeline.networks.rbm import RBM


class FusionNetwork(nn.Module):
    """What both share: an activation behind every layer of `hidden`, dropout before the last; `first` draws weights."""

    def __init__(
        self, inputs: int, hidden: Sequence[int], classes: int, activation: type[nn.Module], dropout: float,
        first: Callable[[torch.Tensor], Any],
    ) -> None:  # fmt: skip
        super().__init__()
        self.dimension = hidden[-1]
        self.body = nn.Sequential(*dense([inputs, *hidden], activation))
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.dimension, classes))
        begun(self, first)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the last hidden layer's output, (B, dimension), for rows (B, inputs)."""
        return self.body(inputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return class logits, (B, classes)."""
        return self.head(self.features(inputs))


class FusionDBN(FusionNetwork):
    """Sigmoid layers; weights begin at N(0, 0.01^2), as those of the machines. The paper names no dropout for it."""

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int, dropout: float = 0.0) -> None:
        super().__init__(inputs, hidden, classes, nn.Sigmoid, dropout, partial(nn.init.normal_, std=0.01))

    @torch.no_grad()
    def start_from(self, machines: Sequence[RBM]) -> None:
        """Take the hidden layers' weights and biases from trained machines, from the bottom up."""
        layers = [layer for layer in self.body if isinstance(layer, nn.Linear)]
        for layer, machine in zip(layers, machines, strict=True):
            layer.weight.copy_(machine.weights)
            layer.bias.copy_(machine.hidden_bias)


class FusionFC(FusionNetwork):
    """Layers with ReLU and random first weights; dropout is 0.3 in the paper."""

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int, dropout: float) -> None:
        super().__init__(inputs, hidden, classes, nn.ReLU, dropout, HE)
