"""Face ResNet: the layers of Wen et al. 2016 one by one, the maps' shapes, other sizes, and what goes in."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pipeline.networks.face_resnet import FaceResNet, across, normalise_faces

TABLE = [
    ("conv1a", 3, 32, 0), ("conv1b", 32, 64, 0), ("pool1b",),
    ("block", "2_1", "2_2", 64), ("conv2", 64, 128, 0), ("pool2",),
    ("block", "3_1", "3_2", 128), ("block", "3_3", "3_4", 128), ("conv3", 128, 256, 0), ("pool3",),
    ("block", "4_1", "4_2", 256), ("block", "4_3", "4_4", 256), ("block", "4_5", "4_6", 256),
    ("block", "4_7", "4_8", 256), ("block", "4_9", "4_10", 256), ("conv4", 256, 512, 0), ("pool4",),
    ("block", "5_1", "5_2", 512), ("block", "5_3", "5_4", 512), ("block", "5_5", "5_6", 512),
]  # fmt: skip
"""The layers up to fc5, as face_deploy.prototxt has them: (convolution, inputs, channels, padding), (pooling,) or
("block", first convolution, second, channels)."""


def shapes() -> dict[str, tuple[int, ...]]:
    """Shape of every tensor, by the authors' names."""
    found = {}

    def convolution(name, before, after):
        found[f"conv{name}.weight"] = (after, before, 3, 3)
        found[f"conv{name}.bias"] = found[f"relu{name}.weight"] = (after,)

    for layer in TABLE:
        if layer[0] == "block":
            for name in layer[1:3]:
                convolution(name, layer[3], layer[3])
        elif layer[0].startswith("conv"):
            convolution(layer[0].removeprefix("conv"), *layer[1:3])
    return found | {"fc5.weight": (512, 512 * 5 * 4), "fc5.bias": (512,)}


def one_by_one(state, x):
    """Every map by its name, written from the table; a PReLU is max(x, 0) + slope * min(x, 0)."""

    def convolution(name, x, padding):
        x = functional.conv2d(x, state[f"conv{name}.weight"], state[f"conv{name}.bias"], padding=padding)
        return x.clamp(min=0) + state[f"relu{name}.weight"][:, None, None] * x.clamp(max=0)

    found = {}
    for layer in TABLE:
        if layer[0] == "block":
            x = x + convolution(layer[2], convolution(layer[1], x, 1), 1)
        elif layer[0].startswith("pool"):
            odd = [side % 2 for side in x.shape[:1:-1]]
            padded = functional.pad(x, (0, odd[0], 0, odd[1]), value=-torch.inf)
            rows, columns = padded.shape[2] // 2, padded.shape[3] // 2
            x = found[layer[0]] = padded.reshape(*x.shape[:2], rows, 2, columns, 2).amax((3, 5))
        else:
            x = convolution(layer[0].removeprefix("conv"), x, layer[3])
    return found | {"fc5": x.flatten(1) @ state["fc5.weight"].T + state["fc5.bias"]}


def test_layers_at_full_width():
    with torch.device("meta"):
        state = FaceResNet().state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == shapes()
    assert sum(name.startswith("conv") and name.endswith("weight") for name in state) == 27
    assert sum(tensor.numel() for tensor in state.values()) == 27_543_072


def test_the_pyramid_at_full_width():
    with torch.device("meta"):
        found = FaceResNet().pyramid(torch.empty(2, 3, 112, 96))
    assert [tuple(one.shape) for one in found] == [(2, 64, 54, 46), (2, 256, 12, 10), (2, 512)]


@pytest.mark.parametrize("size", [38, 64, 75, 112])
def test_the_pyramid_equals_the_layers_one_by_one(size):
    torch.manual_seed(0)
    network = FaceResNet(width=1 / 16, identities=5, size=size).eval()
    for name, tensor in network.state_dict().items():
        if name.startswith("relu"):
            tensor.copy_(torch.rand(tensor.shape))
        elif "_" in name:  # residual blocks that do something
            tensor.copy_(0.1 * torch.randn(tensor.shape))
    x = normalise_faces(torch.randint(0, 256, (2, 3, size, across(size)), dtype=torch.uint8))
    expected = one_by_one(network.state_dict(), x)
    with torch.inference_mode():
        for found, name in zip(network.pyramid(x), ("pool1b", "pool3", "fc5"), strict=True):
            torch.testing.assert_close(found, expected[name], rtol=1e-4, atol=1e-5)
            assert expected[name].std() > 0.01
        assert torch.equal(network.features(x), network.pyramid(x)[2])
        logits = functional.linear(expected["fc5"], network.fc6.weight, network.fc6.bias)
        torch.testing.assert_close(network(x), logits, rtol=1e-4, atol=1e-5)
    assert expected["fc5"].min() < 0, "fc5 has no activation"


def test_without_identities_the_output_is_the_feature():
    torch.manual_seed(0)
    network = FaceResNet(width=1 / 32, size=48).eval()
    x = torch.randn(2, 3, 48, across(48))
    with torch.inference_mode():
        assert torch.equal(network(x), network.features(x))
    assert network.unused == ("fc6",)
    assert not any(name.startswith("fc6") for name in network.state_dict())
    assert FaceResNet(width=1 / 32, identities=2, size=48).unused == ()


def test_blocks_begin_as_what_they_take_and_the_signal_reaches_the_last_layer():
    torch.manual_seed(1)
    network = FaceResNet(width=1 / 8, identities=9, size=64)
    logits = network(normalise_faces(torch.randint(0, 256, (8, 3, 64, across(64)), dtype=torch.uint8)))
    assert 0.01 < logits.detach().std() < 10
    functional.cross_entropy(logits, torch.arange(8)).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())
    for name, tensor in network.named_parameters():
        if name.startswith("conv") and "_" in name and name.endswith("weight"):
            gain = tensor.detach().std() * tensor[0].numel() ** 0.5
            assert gain < 0.75, f"{name} changes what it takes as much as a full convolution"


def test_dropout_behind_fc5():
    torch.manual_seed(0)
    network, x = FaceResNet(width=1 / 32, identities=4, size=40, dropout=0.5), torch.randn(1, 3, 40, across(40))
    with torch.inference_mode():
        assert torch.equal(network.features(x), network.features(x))
        assert not torch.equal(network(x), network(x))
        assert torch.equal(network.eval()(x), network(x))


@pytest.mark.parametrize("shape", [(3, 96, 112), (3, 112, 112), (1, 112, 96)])
def test_other_images_are_refused(shape):
    with torch.device("meta"), pytest.raises(RuntimeError, match=r"takes images \(B, 3, 112, 96\), not"):
        FaceResNet().pyramid(torch.empty(1, *shape))


def test_images_that_poolings_use_up():
    with pytest.raises(ValueError, match="take 38 px at least"):
        FaceResNet(size=37)


def test_the_width_of_images():
    assert [across(size) for size in (112, 224, 64, 56)] == [96, 192, 55, 48]


def test_normalised_faces_are_blue_green_red():
    images = torch.zeros(2, 3, 4, 5, dtype=torch.uint8)
    images[1, :, 2, 3] = torch.tensor([255, 127, 0])
    found = normalise_faces(images)
    assert found.shape == (2, 3, 4, 5)
    assert found[1, :, 2, 3].tolist() == [-127.5 / 128, -0.5 / 128, 127.5 / 128]
    assert torch.equal(normalise_faces(images.float()), found)
    assert found.is_contiguous(memory_format=torch.channels_last), "the faster layout on the CPU"
