"""Speech DNN on utterance-level functionals, Ouyang et al. 2017, section 4 and Fig. 6, equations (3) and (4).

    h_1 = tanh(x W_1 + b_1), h_2 = tanh(h_1 W_2 + b_2), P(y = j | x) = softmax(h_2 w_j + b_j)

with two hidden layers of 256 nodes. The mean and deviation of the training rows are part of the network, so that its
weights can be used by themselves. Initial weights are those of Glorot and Bengio 2010 for tanh, biases 0, which is
also what CNTK's dense layers begin with; the paper does not say.
"""

import itertools

import numpy as np
import torch
from torch import nn

from pipeline.networks.layers import begun

BOUND = 10.0
"""Normalised values are kept within so many deviations, so that one outlier cannot saturate the network."""


class TanhDNN(nn.Module):
    """Feed-forward classifier of rows; `layers` hidden layers of `hidden` nodes each."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, inputs: int, classes: int, hidden: int = 256, layers: int = 2) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("scale", torch.ones(inputs))
        widths = [inputs, *[hidden] * layers]
        self.body = nn.ModuleList(nn.Linear(before, after) for before, after in itertools.pairwise(widths))
        self.output = nn.Linear(hidden, classes)
        begun(self, nn.init.xavier_uniform_)

    def set_scale(self, mean: np.ndarray, scale: np.ndarray) -> None:
        self.mean.copy_(torch.from_numpy(mean))
        self.scale.copy_(torch.from_numpy(scale))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return logits (B, C) for rows (B, inputs) as they were measured."""
        values = ((rows - self.mean) / self.scale).clamp(-BOUND, BOUND)
        for layer in self.body:
            values = torch.tanh(layer(values))
        return self.output(values)
