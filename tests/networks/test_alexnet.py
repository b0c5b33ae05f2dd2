"""AlexNet: at full width it is torchvision's, layer by layer; narrower it keeps its shape."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pipeline.networks import torchvision_ops
from pipeline.networks.alexnet import INPUT_PX, AlexNet


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    return torchvision_ops.models().alexnet(weights=None).eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(2, 3, INPUT_PX, INPUT_PX, generator=torch.Generator().manual_seed(1))


def difference(found, expected):
    return float((found - expected).abs().max() / expected.abs().max())


def test_the_state_dict_is_torchvisions(theirs):
    with torch.device("meta"):
        ours = AlexNet(classes=1000)
    expected = {name: tensor.shape for name, tensor in theirs.state_dict().items()}
    assert {name: tensor.shape for name, tensor in ours.state_dict().items()} == expected
    assert list(ours.state_dict()) == list(expected)
    assert next(iter(expected)) == "features.0.weight"
    assert list(expected)[-1] == "classifier.6.bias"


@torch.inference_mode()
def test_logits_and_fc7_are_torchvisions(theirs, images):
    with torch.device("meta"):
        ours = AlexNet(classes=1000)
    ours.load_state_dict(theirs.state_dict(), assign=True)
    ours.eval()
    seen = {}
    handle = theirs.classifier[5].register_forward_hook(lambda _, __, output: seen.update(fc7=output))
    logits = theirs(images)
    handle.remove()
    assert difference(ours(images), logits) < 1e-4
    assert difference(ours.features(images), seen["fc7"]) < 1e-4
    assert ours.features(images).shape == (2, 4096)


@torch.inference_mode()
def test_narrow_fc7_equals_the_layers_one_by_one(images):
    torch.manual_seed(3)
    network = AlexNet(width=0.125, classes=5).eval()
    state = network.state_dict()
    x = images
    for layer, stride, padding, pooled in ((0, 4, 2, 1), (3, 1, 2, 1), (6, 1, 1, 0), (8, 1, 1, 0), (10, 1, 1, 1)):
        weight, bias = state[f"features.{layer}.weight"], state[f"features.{layer}.bias"]
        x = functional.conv2d(x, weight, bias, stride, padding).clamp(min=0)
        x = functional.max_pool2d(x, 3, 2) if pooled else x
    assert x.shape == (2, 32, 6, 6), "the adaptive pooling has nothing to do at 227"
    x = x.flatten(1)
    for layer in (1, 4):
        x = (x @ state[f"classifier.{layer}.weight"].T + state[f"classifier.{layer}.bias"]).clamp(min=0)
    assert difference(network.features(images), x) < 1e-4
    assert difference(network(images), x @ state["classifier.6.weight"].T + state["classifier.6.bias"]) < 1e-4


@pytest.mark.parametrize(("width", "columns"), [(1.0, 4096), (0.25, 1024), (0.125, 512), (0.0625, 256), (0.001, 4)])
def test_width_scales_everything(width, columns):
    with torch.device("meta"):
        network = AlexNet(width)
        assert network(torch.empty(2, 3, INPUT_PX, INPUT_PX)).shape == (2, columns)
    assert network.state_dict()["features.3.weight"].shape[0] == max(1, round(192 * width))


@torch.inference_mode()
def test_without_classes_the_output_is_the_feature(images):
    torch.manual_seed(0)
    network = AlexNet(width=0.0625).eval()
    assert torch.equal(network(images), network.features(images))
    assert not any(name.startswith("classifier.6") for name in network.state_dict())


def test_gradients_reach_every_layer_and_dropout_is_for_training(images):
    torch.manual_seed(0)
    network = AlexNet(width=0.0625, classes=3)
    functional.cross_entropy(network(images), torch.tensor([0, 2])).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    with torch.inference_mode():
        assert not torch.equal(network.features(images), network.features(images))
        network.eval()
        assert torch.equal(network.features(images), network.features(images))
