"""Operations of a graph against what TensorFlow says they are, in plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from pipeline.networks.tfjs_graph import GREY, OPERATIONS, TfjsGraph, resized

RNG = np.random.default_rng(0)


def tensor(*shape: int) -> torch.Tensor:
    return torch.from_numpy(RNG.standard_normal(shape).astype(np.float32))


def windows(size: int, reach: int, stride: int, padding: str):
    """Yield, for each place of the result, the places of the source under a kernel, None where there is padding."""
    if padding == "VALID":
        count, before = (size - reach) // stride + 1, 0
    else:
        count = math.ceil(size / stride)
        before = max(0, (count - 1) * stride + reach - size) // 2  # TensorFlow's guide to padding
    for place in range(count):
        covered = range(place * stride - before, place * stride - before + reach)
        yield [at if 0 <= at < size else None for at in covered]


def places(values: np.ndarray, kernel: tuple[int, int], stride: int, padding: str):
    """Yield row, column of the result and the (row, column) of the kernel and of the source that meet there."""
    rows, columns = (list(windows(values.shape[1 + n], kernel[n], stride, padding)) for n in (0, 1))
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            yield y, x, [((i, j), (r, c)) for i, r in enumerate(row) for j, c in enumerate(column)
                         if r is not None and c is not None]  # fmt: skip


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "reach", "stride"), [((8, 7), (3, 3), 2), ((5, 6), (3, 2), 1), ((6, 6), (1, 1), 2)])
@pytest.mark.parametrize("depthwise", [False, True])
def test_a_convolution_is_tensorflows(padding, size, reach, stride, depthwise):
    values, kernel, bias = tensor(2, *size, 3), tensor(*reach, 3, 2), tensor(6 if depthwise else 2)
    told = {"depthwise": depthwise, "relu": True, "padding": padding, "strides": [stride, stride]}
    found = OPERATIONS["Convolution"]([values, kernel, bias], told)
    expected = np.tile(bias.numpy().astype(np.float64), (*found.shape[:3], 1))
    for y, x, meets in places(values.numpy(), reach, stride, padding):
        for (i, j), (r, c) in meets:
            seen, weight = values[:, r, c].double().numpy(), kernel[i, j].double().numpy()
            # channel c of the source makes the channels 2 c and 2 c + 1
            part = (seen[:, :, None] * weight).reshape(2, 6) if depthwise else seen @ weight
            expected[:, y, x] += part
    np.testing.assert_allclose(found, np.maximum(expected, 0), atol=1e-5)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_a_maximum_never_takes_a_padded_value(padding):
    values = -1 - tensor(1, 6, 5, 2).abs()
    told = {"kernel": [3, 3], "padding": padding, "strides": [2, 2]}
    found = OPERATIONS["MaxPool"]([values], told)
    for y, x, meets in places(values.numpy(), (3, 3), 2, padding):
        np.testing.assert_array_equal(found[0, y, x], np.max([values[0, r, c].numpy() for _, (r, c) in meets], axis=0))
    assert found.max() < 0


def test_axes_are_those_of_the_graph():
    values = tensor(2, 3, 4, 5)
    means = OPERATIONS["Mean"]([values], {"axes": [1, 2], "kept": False})
    np.testing.assert_allclose(means, values.numpy().mean((1, 2)), atol=1e-6)
    assert OPERATIONS["Sum"]([values], {"axes": [3], "kept": True}).shape == (2, 3, 4, 1)
    assert OPERATIONS["Squeeze"]([tensor(1, 1, 1, 5)], {"axes": [1, 2]}).shape == (1, 5)
    np.testing.assert_allclose(OPERATIONS["Softmax"]([values], {}).sum(-1), 1, atol=1e-6)


def test_a_picture_is_resized_as_tensorflow_js_does():
    """Without half pixels: values written down from `tf.image.resizeBilinear` of TensorFlow.js 4.22."""
    line = torch.tensor([0.0, 2.0, 6.0]).reshape(1, 1, 3, 1)
    wide = resized(line, (1, 6))[0, 0, :, 0]
    np.testing.assert_allclose(wide, [0, 1, 2, 4, 6, 6], atol=1e-6)
    np.testing.assert_allclose(resized(line, (1, 2))[0, 0, :, 0], [0, 4], atol=1e-6)
    square = tensor(2, 7, 5, 3)
    np.testing.assert_array_equal(resized(square, (7, 5)), square)
    assert resized(torch.zeros(1, 4, 4, 3, device="meta"), (3, 6)).device.type == "meta", "where the picture is"


def test_pictures_come_to_the_range_and_the_channels_of_the_graph():
    steps = [("in", "Placeholder", [], {}), ("out", "Sub", ["in", "taken"], {})]
    grey = TfjsGraph("out", (-1, 1), (2, 2, 1), steps, {"taken": []})
    grey.load_state_dict({"taken": torch.tensor(0.25)})
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], dtype=torch.uint8)
    found = grey.features(colours.reshape(1, 2, 2, 3))
    np.testing.assert_allclose(found[0], [2 * share - 1.25 for share in (*GREY, sum(GREY))], atol=1e-6)
    colour = TfjsGraph("in", (0, 255), (1, 1, 3), steps[:1], {})
    np.testing.assert_allclose(
        colour.features(torch.tensor([[[[9, 8, 7]]]], dtype=torch.uint8)), [[9, 8, 7]], atol=1e-5
    )
