"""Fusion networks of Zhang et al. 2017: hidden layers, the last of which is the joint feature, and a softmax layer.

Section III.B.2: the DBN, sigmoid layers that begin as restricted Boltzmann machines. Section IV.D: its FC counterpart
with a dropout layer before the softmax layer. At real size DBN-1, -2 and -3, like FC-1, -2 and -3, are
8192-4096[-2048[-1024]]-C.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import nn

from pipeline.networks.rbm import RBM


class FusionNetwork(nn.Module):
    """What both share.

    Args:
        inputs: columns of the concatenated features
        hidden: widths of the hidden layers
        classes: of the softmax layer
        activation: behind every hidden layer
        dropout: before the softmax layer
    """

    def __init__(
        self, inputs: int, hidden: Sequence[int], classes: int, activation: type[nn.Module], dropout: float
    ) -> None:
        super().__init__()
        self.dimension = hidden[-1]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise([inputs, *hidden]):
            layers += [nn.Linear(before, after), activation()]
        self.body = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(self.dimension, classes))

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the last hidden layer's output, (B, dimension), for rows (B, inputs)."""
        return self.body(inputs)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return class logits, (B, classes)."""
        return self.head(self.features(inputs))

    def _linear(self) -> list[nn.Linear]:
        return [layer for layer in self.modules() if isinstance(layer, nn.Linear)]


class FusionDBN(FusionNetwork):
    """Sigmoid layers; weights begin at N(0, 0.01^2), as those of the machines.

    Args:
        inputs: columns of the concatenated features
        hidden: widths of the hidden layers
        classes: of the softmax layer
    """

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int) -> None:
        super().__init__(inputs, hidden, classes, nn.Sigmoid, dropout=0.0)
        for layer in self._linear():
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def start_from(self, machines: Sequence[RBM]) -> None:
        """Take the hidden layers' weights and biases from trained machines, from the bottom up."""
        for layer, machine in zip(self._linear()[:-1], machines, strict=True):
            layer.weight.copy_(machine.weights)
            layer.bias.copy_(machine.hidden_bias)


class FusionFC(FusionNetwork):
    """Layers with ReLU and random first weights of He's scale.

    Args:
        inputs: columns of the concatenated features
        hidden: widths of the hidden layers
        classes: of the softmax layer
        dropout: before the softmax layer; 0.3 in the paper
    """

    def __init__(self, inputs: int, hidden: Sequence[int], classes: int, dropout: float) -> None:
        super().__init__(inputs, hidden, classes, nn.ReLU, dropout)
        for layer in self._linear():
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
