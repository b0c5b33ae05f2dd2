"""EfficientNet-Lite0: its shape, the padding of TensorFlow, and where what comes in is added."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d

from pipeline.networks.efficientnet_lite import BLOCKS, EfficientNetLite, _Same, normalised


@pytest.fixture(scope="module")
def network() -> EfficientNetLite:
    torch.manual_seed(0)
    return EfficientNetLite().eval()


def test_its_size_is_the_published_one(network):
    assert BLOCKS == len(network.blocks) == 16
    parameters = sum(one.numel() for one in network.parameters())
    assert parameters + 1000 * 1280 + 1000 == 4_652_008, "with the layer of 1000 classes that is left out"
    sides = []
    for block in network.blocks:
        block.register_forward_hook(lambda _, __, found: sides.append(found.shape[-1]))
    with torch.inference_mode():
        found = network.features(torch.rand(2, 3, 224, 224))
    assert found.shape == (2, 1280)
    assert found.min() >= 0
    assert sides == [112, 56, 56, 28, 28, *[14] * 6, *[7] * 5]
    assert [block.adds for block in network.blocks].count(True) == 9


@pytest.mark.parametrize(("size", "kernel", "stride", "before", "behind"), [
    (224, 3, 2, 0, 1), (112, 5, 2, 1, 2), (7, 3, 2, 1, 1), (14, 5, 1, 2, 2), (9, 1, 1, 0, 0)])  # fmt: skip
def test_padding_is_tensorflows(size, kernel, stride, before, behind):
    made, images = _Same(2, 3, kernel, stride), torch.rand(1, 2, size, size)
    padded = torch.zeros(1, 2, size + before + behind, size + before + behind)
    padded[:, :, before : before + size, before : before + size] = images
    found = made(images)
    torch.testing.assert_close(found, conv2d(padded, made.weight, stride=stride))
    assert found.shape[-1] == -(-size // stride)


def test_a_block_adds_what_came_in(network):
    block, images = network.blocks[2], torch.rand(1, 24, 8, 8)
    with torch.inference_mode():
        whole = block(images)
        inner = block.expand_norm(block.expand(images)).clamp(0, 6)
        inner = block.depthwise_norm(block.depthwise(inner)).clamp(0, 6)
        torch.testing.assert_close(whole, images + block.project_norm(block.project(inner)))


def test_colours_of_0_to_255():
    found = normalised(torch.tensor([0, 127, 255], dtype=torch.uint8).view(1, 3, 1, 1)).flatten()
    torch.testing.assert_close(found, torch.tensor([-127 / 128, 0, 1]))
