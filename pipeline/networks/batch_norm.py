"""Batch normalisation for the time of training: behind every layer, and then in its weights.

None of the published networks has it, and deep ones hardly leave their first loss without: VGG-16 was begun from the
weights of a shallower one (Simonyan and Zisserman 2015, section 3.1). Behind a layer and before its ReLU the
normalisation is one more scale and offset per channel (Ioffe and Szegedy 2015, section 3.2), so that once it is trained
the published layout computes the same with other weights.
"""

from itertools import pairwise
from typing import Any, cast

import torch
from torch import nn

_NORMS: dict[type[nn.Module], type[nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d]] = {
    nn.Conv2d: nn.BatchNorm2d,
    nn.Conv3d: nn.BatchNorm3d,
    nn.Linear: nn.BatchNorm1d,
}


class _Normed(nn.Module):
    """A layer and the normalisation of what it gives."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer, self.norm = layer, _NORMS[type(layer)](len(layer.weight))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return cast(torch.Tensor, self.norm(self.layer(inputs)))

    def folded(self) -> nn.Module:
        """Return the layer, which computes both in evaluation."""
        layer, norm = self.layer, self.norm
        scale = norm.weight / torch.sqrt(cast(torch.Tensor, norm.running_var) + norm.eps)
        layer.weight *= scale.view(-1, *(1,) * (layer.weight.ndim - 1))
        layer.bias.copy_((layer.bias - norm.running_mean) * scale + norm.bias)
        return cast(nn.Module, layer)


def normed(network: nn.Module) -> None:
    """Put batch normalisation behind every convolution and every fully connected layer but the last, in place; those
    that the published network itself has one behind are left as they are.
    """
    found = []
    for parent in network.modules():
        children = [*parent.named_children(), ("", nn.Identity())]
        for (name, layer), (_, behind) in pairwise(children):
            if type(layer) in _NORMS and not isinstance(behind, tuple(_NORMS.values())):
                found.append((parent, name, layer))
    for parent, name, layer in found[:-1]:
        setattr(parent, name, _Normed(layer))


@torch.no_grad()
def folded(network: nn.Module) -> None:
    """Take the normalisation out of the network again, in place, its scale and offset in the weights of the layers.

    What it computes in evaluation stays, up to rounding.
    """
    pairs = [(parent, name, child) for parent in network.modules() for name, child in parent.named_children()]
    for parent, name, pair in pairs:
        if isinstance(pair, _Normed):
            setattr(parent, name, pair.folded())
