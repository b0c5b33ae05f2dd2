"""Batch normalisation for training alone: what a network computes stays when it goes into the weights."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from pipeline.networks.alexnet import AlexNet
from pipeline.networks.batch_norm import folded, normed
from pipeline.networks.c3d import C3D
from pipeline.networks.face_cnn import FaceCNN
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.vgg_face import VggFace

NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "alexnet": (lambda: AlexNet(width=0.0625, classes=3, dropout=0), (3, 227, 227)),
    "c3d": (lambda: C3D(width=0.0625, classes=3, size=32, fc6="adaptive", dropout=0), (3, 16, 32, 32)),
    "pool5": (lambda: FaceCNN(identities=3, width=0.0625, dropout=0), (3, 100, 100)),
    "pyramid": (lambda: FaceResNet(identities=3, width=0.0625, size=64), (3, 64, 55)),
    "vggface": (lambda: VggFace(width=0.0625, classes=3, size=32, dropout=0), (3, 32, 32)),
}


def _layers(network: nn.Module) -> list[nn.Module]:
    return [one for one in network.modules() if isinstance(one, nn.Conv2d | nn.Conv3d | nn.Linear)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_folded_network_has_the_published_layout_and_computes_the_same(name: str) -> None:
    build, shape = NETWORKS[name]
    torch.manual_seed(0)
    network, inputs = build(), 30 * torch.randn(4, *shape)
    layout = {key: tensor.shape for key, tensor in network.state_dict().items()}
    normed(network)
    norms = [one for one in network.modules() if isinstance(one, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == len(_layers(network)) - 1, "behind every layer but the last, and never twice"
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(3):  # so that neither statistics nor scales are those of the beginning
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(inputs), torch.arange(4) % 3).backward()
        optimiser.step()
    network.eval()
    with torch.inference_mode():
        before = network(inputs)
        folded(network)
        after = network(inputs)
    assert {key: tensor.shape for key, tensor in network.state_dict().items()} == layout
    assert float(before.std()) > 1e-3
    torch.testing.assert_close(after, before, rtol=1e-3, atol=1e-3 * float(before.abs().max()))


def test_what_was_not_normed_is_left_as_it_is() -> None:
    network = VggFace(width=0.0625, classes=3, size=32)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    folded(network)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
