"""Speech DNN on phones, Huang et al. 2017, section 3.1 and Fig. 3.

Six hidden layers. Plain version: 1024 nodes each (`a1024` is the last one's output). Bottleneck version: the last
hidden layer has 60 nodes (`a60`). The paper does not say what they compute: here they are linear, as in the stacked
bottleneck networks that it cites [23], and nothing but weights stands between them and the softmax over the phones.
"""

import torch
from torch import nn

from pipeline.networks.layers import HE, begun, dense


class SpeechDNN(nn.Module):
    """Frame classifier whose last hidden layer is the feature.

    It takes `inputs` values, of one frame with its context. Hidden layers 1 to 5 have `hidden` nodes and layer 6 has
    `last`; behind each stands a ReLU, but with `bottleneck` none behind layer 6.
    """

    def __init__(self, inputs: int, hidden: int, last: int, phones: int, bottleneck: bool) -> None:
        super().__init__()
        layers = dense([inputs, *[hidden] * 5, last], nn.ReLU)
        self.body = nn.Sequential(*layers[: -1 if bottleneck else None])
        self.head = nn.Linear(last, phones)
        begun(self, HE)

    def features(self, frames: torch.Tensor) -> torch.Tensor:
        """Return the last hidden layer's output, (B, last), for frames (B, inputs)."""
        return self.body(frames)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return phone logits, (B, phones)."""
        return self.head(self.features(frames))
