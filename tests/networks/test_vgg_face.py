"""VGG-16: torchvision's names, shapes and output, other sizes, and what goes in."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from pipeline.networks import torchvision_ops
from pipeline.networks.vgg_face import VggFace, normalise_images

BLOCKS = [("0", "2"), ("5", "7"), ("10", "12", "14"), ("17", "19", "21"), ("24", "26", "28")]
"""torchvision's numbers of the convolutions between two poolings."""


def meta(classes):
    with torch.device("meta"):
        return VggFace(classes=classes)


@pytest.mark.parametrize("classes", [1000, 2622])
def test_names_and_shapes_are_torchvisions(classes):
    with torch.device("meta"):
        theirs = torchvision_ops.models().vgg16(num_classes=classes).state_dict()
    ours = meta(classes).state_dict()
    assert list(ours) == list(theirs)
    assert {name: tensor.shape for name, tensor in ours.items()} == {
        name: tensor.shape for name, tensor in theirs.items()
    }


def test_for_features_alone_there_is_neither_fc7_nor_fc8():
    assert set(meta(10).state_dict()) - set(meta(None).state_dict()) == {
        f"{layer}.{kind}" for layer in meta(None).unused for kind in ("weight", "bias")
    }
    assert meta(10).unused == ()
    assert meta(None).features(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 4096)


@pytest.mark.long
def test_the_same_as_torchvisions_network_at_full_width():
    """fc6 is random, fc7 and fc8 take one number each in memory."""
    torch.manual_seed(0)
    with torch.device("meta"):
        theirs, ours = torchvision_ops.models().vgg16(num_classes=5).eval(), VggFace(classes=5).eval()
    state = {}
    for name, tensor in ours.state_dict().items():
        if name.startswith("classifier") and name != "classifier.0.weight":
            state[name] = torch.tensor(0.01).expand(tensor.shape)
        else:
            state[name] = torch.randn(tensor.shape) * (0.05 if tensor.ndim == 1 else (2 / tensor[0].numel()) ** 0.5)
    for network in (theirs, ours):
        network.load_state_dict(state, assign=True)
    x = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        expected = theirs.classifier[:2](theirs.avgpool(theirs.features(x)).flatten(1))
        assert expected.std() > 0.01
        torch.testing.assert_close(ours.features(x), expected)
        torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("size", [32, 64, 100, 224])
def test_fc6_equals_the_layers_one_by_one(size):
    torch.manual_seed(1)
    network = VggFace(width=1 / 32, classes=3, size=size).eval()
    state = network.state_dict()
    x = normalise_images(torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8), "face")
    found = x
    for block in BLOCKS:
        for number in block:
            weight, bias = state[f"features.{number}.weight"], state[f"features.{number}.bias"]
            found = functional.conv2d(found, weight, bias, padding=1).clamp(min=0)
        height = found.shape[2] // 2
        found = found[..., : 2 * height, : 2 * height].reshape(*found.shape[:2], height, 2, height, 2).amax((3, 5))
    cuts = [slice(i * height // 7, -((i + 1) * height // -7)) for i in range(7)]
    parts = torch.stack([found[..., rows, columns].mean((2, 3)) for rows in cuts for columns in cuts], -1).flatten(1)
    if size == 224:
        assert torch.equal(parts, found.flatten(1)), "nothing is pooled at 224"
    fc6 = (parts @ state["classifier.0.weight"].T + state["classifier.0.bias"]).clamp(min=0)
    fc7 = (fc6 @ state["classifier.3.weight"].T + state["classifier.3.bias"]).clamp(min=0)
    logits = fc7 @ state["classifier.6.weight"].T + state["classifier.6.bias"]
    with torch.inference_mode():
        torch.testing.assert_close(network.features(x), fc6, rtol=1e-4, atol=1e-4 * float(fc6.max()))
        torch.testing.assert_close(network(x), logits, rtol=1e-4, atol=1e-4)
    assert fc6.max() > 0.1


def test_the_signal_reaches_the_last_layer_of_a_narrow_network():
    torch.manual_seed(2)
    network = VggFace(width=1 / 8, classes=9, size=64).eval()
    images = torch.randint(0, 256, (8, 3, 64, 64), dtype=torch.uint8)
    logits = network(normalise_images(images, "face"))
    assert 0.01 < logits.detach().std() < 10
    functional.cross_entropy(logits, torch.arange(8)).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


def test_dropout_only_in_training():
    torch.manual_seed(0)
    network, x = VggFace(width=1 / 32, classes=4, size=32).eval(), torch.randn(1, 3, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(x), network(x))
        network.train()
        assert not torch.equal(network(x), network(x))
        assert torch.equal(network.features(x), network.features(x))


@pytest.mark.parametrize("shape", [(3, 224, 224), (3, 64, 65), (1, 64, 64)])
def test_other_images_are_refused(shape):
    with torch.device("meta"), pytest.raises(RuntimeError, match=r"VGG-16 takes images \(B, 3, 64, 64\), not"):
        VggFace(size=64).features(torch.empty(1, *shape))


def test_images_that_poolings_use_up():
    with pytest.raises(ValueError, match="take 32 px at least"):
        VggFace(size=31)


def test_normalised_pictures():
    images = torch.zeros(2, 3, 4, 5, dtype=torch.uint8)
    images[1, :, 2, 3] = torch.tensor([200, 100, 50])
    found = normalise_images(images, "face")
    assert found.shape == (2, 3, 4, 5)
    torch.testing.assert_close(found[1, :, 2, 3], torch.tensor([200 - 129.186, 100 - 104.762, 50 - 93.594]))
    torch.testing.assert_close(found[0, :, 0, 0], torch.tensor([-129.186, -104.762, -93.594]))
    scaled = normalise_images(images, "imagenet")
    expected = [(200 / 255 - 0.485) / 0.229, (100 / 255 - 0.456) / 0.224, (50 / 255 - 0.406) / 0.225]
    torch.testing.assert_close(scaled[1, :, 2, 3], torch.tensor(expected))
    for how, one in (("face", found), ("imagenet", scaled)):
        assert torch.equal(normalise_images(images.float(), how), one)
        assert one.is_contiguous(memory_format=torch.channels_last), "the faster layout on the CPU"
