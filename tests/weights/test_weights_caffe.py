"""Caffe models, built under their original names and layouts, give our networks; anything else ends in one line."""

from __future__ import annotations

import dataclasses
import random
import struct

import numpy as np
import pytest
import torch
from torch.nn import functional

from helpers.caffe_files import caffemodel, layers_of, message, number
from helpers.original_names import WIDTH, face_resnet, face_resnet_shapes, pictures, vgg_face, vgg_face_shapes, weights
from helpers.weights import entry
from pipeline.core.errors import WeightsError
from pipeline.features.segments.networks import c3d as segment_c3d
from pipeline.networks.c3d import C3D, CONVOLUTIONS
from pipeline.networks.face_resnet import FaceResNet, normalise_faces
from pipeline.networks.vgg_face import VggFace, normalise_images
from pipeline.weights.caffe import read_caffe
from pipeline.weights.convert import state_of
from pipeline.weights.layer_maps import MAPS

NARROW = {
    "vgg_face_caffe": {"width": WIDTH},
    "face_resnet": {"width": WIDTH},
    "c3d_caffe": {"width": WIDTH, "size": 112},
}
TOY = {"conv": [np.arange(24.0).reshape(2, 3, 2, 2), np.array([1.0, -1.0])], "relu": [np.array([0.25, 0.5])]}


def numpy_of(state):
    return {name: tensor.numpy() for name, tensor in state.items()}


def c3d_shapes() -> dict[str, tuple[int, ...]]:
    shapes, before = {}, 3
    for name, channels in zip(CONVOLUTIONS, (4, 8, 16, 16, 32, 32, 32, 32), strict=True):
        shapes |= {f"conv{name}.weight": (channels, before, 3, 3, 3), f"conv{name}.bias": (channels,)}
        before = channels
    for name, inputs, outputs in (("fc6-1", 32 * 16, 256), ("fc7-1", 256, 256), ("fc8-1", 256, 487)):
        shapes |= {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}
    return shapes


@pytest.fixture
def take_in(tmp_path, monkeypatch):
    """Write a model of a narrow network, and return what `state_of` makes of it."""

    def make(layers, state, edition):
        narrow = dataclasses.replace(MAPS[layers], network={**MAPS[layers].network, **NARROW[layers]})
        monkeypatch.setitem(MAPS, layers, narrow)
        path = tmp_path / "net.caffemodel"
        path.write_bytes(caffemodel(layers_of(numpy_of(state)), edition))
        return state_of(entry(tmp_path, "file", file=path.name, layers=layers, format="caffe"), path)

    return make


@pytest.mark.parametrize("edition", ["v1", "new"])
def test_vgg_face_takes_red_green_blue_where_caffe_took_blue_green_red(take_in, edition):
    original = weights(vgg_face_shapes())
    state, ignored = take_in("vgg_face_caffe", original, edition)
    assert ignored == ["fc7.weight", "fc7.bias", "fc8.weight", "fc8.bias"]
    network = VggFace(width=WIDTH)
    network.load_state_dict(state)
    rgb = pictures(224, 224)
    as_trained = {**original, "conv1_1.weight": original["conv1_1.weight"].flip(1)}  # of RGB, for `vgg_face`
    with torch.inference_mode():
        found = network.features(normalise_images(rgb, "face"))
    expected = vgg_face(as_trained, rgb)["fc6"]
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("edition", ["v1", "new"])
def test_wens_face_resnet_with_its_head_and_its_centres(take_in, edition):
    original = weights(face_resnet_shapes())
    behind = {"fc6.weight": torch.zeros(10, 32), "fc6.bias": torch.zeros(10), "center_loss.weight": torch.zeros(10, 32)}
    state, ignored = take_in("face_resnet", {**original, **behind}, edition)
    assert ignored == list(behind)
    network = FaceResNet(width=WIDTH)
    network.load_state_dict(state)
    rgb = pictures(112, 96)
    with torch.inference_mode():
        found = network.pyramid(normalise_faces(rgb))
    for ours, expected in zip(found, face_resnet(original, rgb).values(), strict=True):
        assert expected.abs().max() > 0.1
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("edition", ["c3d", "new"])
def test_the_authors_c3d(take_in, edition):
    """C3D v1.0 has an edition of its own with the length of blobs, v1.1 the usual one."""
    original = weights(c3d_shapes())
    state, ignored = take_in("c3d_caffe", original, edition)
    assert ignored == ["fc8-1.weight", "fc8-1.bias"]
    network = segment_c3d.network(segment_c3d.Params(windows={"length": 64, "shift": 30}), MAPS["c3d_caffe"].network, 5)
    network.load_state_dict(state, strict=False)
    x = rgb = 60 * torch.randn(1, 3, 16, 112, 112, generator=torch.Generator().manual_seed(1))
    x = x.flip(1)  # blue, green, red
    with torch.inference_mode():
        for name in CONVOLUTIONS:
            x = functional.conv3d(x, original[f"conv{name}.weight"], original[f"conv{name}.bias"], padding=1).relu()
            if name in ("1a", "2a", "3b", "4b", "5b"):  # pooled as Caffe does it: sizes rounded up, no padding
                x = functional.max_pool3d(x, (1, 2, 2) if name == "1a" else 2, ceil_mode=True)
        for name in ("fc6-1", "fc7-1"):
            x = functional.linear(x.flatten(1), original[f"{name}.weight"], original[f"{name}.bias"]).relu()
        assert x.abs().max() > 0.1
        torch.testing.assert_close(network.eval().features(rgb), x, rtol=1e-4, atol=1e-4)
        padded = C3D(width=WIDTH)
        padded.load_state_dict(state)
        assert not torch.allclose(padded.features(rgb), x, rtol=1e-2)


def written(tmp_path, raw: bytes):
    path = tmp_path / "net.caffemodel"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(("edition", "bias"), [("v1", (1, 1, 1, 2)), ("new", (2,)), ("c3d", (1, 1, 1, 1, 2))])
def test_blobs_have_the_files_shapes(tmp_path, edition, bias):
    found = read_caffe(written(tmp_path, caffemodel(TOY, edition)))
    assert list(found) == ["conv.weight", "conv.bias", "relu.weight"]
    assert tuple(found["conv.bias"].shape) == bias
    np.testing.assert_array_equal(found["conv.weight"].reshape(2, 3, 2, 2), TOY["conv"][0])
    assert found["relu.weight"].flatten().tolist() == [0.25, 0.5]


def test_double_and_unpacked_values(tmp_path):
    double = message(7, number(1, 2)) + message(8, struct.pack("<2d", 0.1, 0.2))
    single = message(7, number(1, 2)) + b"".join(b"\x2d" + struct.pack("<f", one) for one in (3.0, 4.0))
    layer = message(1, b"a") + message(7, double) + message(7, single)
    found = read_caffe(written(tmp_path, message(100, layer)))
    assert found["a.weight"].tolist() == pytest.approx([0.1, 0.2])
    assert found["a.bias"].tolist() == [3.0, 4.0]
    assert {tensor.dtype for tensor in found.values()} == {torch.float32}


def one_blob(raw: bytes, name: bytes = b"a") -> bytes:
    return message(100, message(1, name) + message(7, raw))


FLOATS = message(5, struct.pack("<2f", 1, 2))
HOSTILE = {
    "empty": b"",
    "text": b'name: "a net"\nlayer { name: "conv1a" }\n',
    "a pickle": b"\x80\x02}q\x00.",
    "noise": bytes(random.Random(0).randbytes(4096)),
    "no layers": message(1, b"a net"),
    "a length beyond the file": b"\xa2\x06\xff\xff\xff\xff\x0f",
    "a number without an end": b"\xff" * 40,
    "absurd dimensions": one_blob(message(7, number(1, 1 << 62) + number(1, 1 << 62)) + FLOATS),
    "dimensions without end": one_blob(message(7, message(1, b"\x01" * 100_000)) + FLOATS),
    "fewer values than said": one_blob(message(7, number(1, 3)) + FLOATS),
    "a negative size": one_blob(message(7, number(1, (1 << 64) - 2)) + FLOATS),
    "no dimensions": one_blob(FLOATS),
    "part of a number": one_blob(message(7, number(1, 1)) + message(5, b"123")),
    "a blob that is a number": message(100, message(1, b"a") + number(7, 1)),
    "a name of several lines": one_blob(message(7, number(1, 2)) + FLOATS, b"a\nb"),
    "a name that is no text": one_blob(message(7, number(1, 2)) + FLOATS, b"\xff\xfe"),
    "a layer twice": one_blob(message(7, number(1, 2)) + FLOATS) * 2,
    "nested groups": b"\x0b" * 100,
}


def refused(tmp_path, raw: bytes, layers: str | None = "face_resnet") -> str:
    path = written(tmp_path, raw)
    with pytest.raises(WeightsError) as caught:
        state_of(entry(tmp_path, "file", file=path.name, layers=layers, format="caffe"), path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    assert "python -m pipeline weights import net FILE" in message
    return message


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_end_in_one_line(tmp_path, raw):
    assert "damaged or no Caffe model" in refused(tmp_path, raw, None)


def outcome(path) -> str:
    """Read a file, and say what came of it; nothing but a ValueError of one line may."""
    try:
        return f"{len(read_caffe(path))} blobs"
    except ValueError as error:
        return "refused" if "\n" not in str(error) else str(error)


@pytest.mark.parametrize("edition", ["v1", "new", "c3d"])
def test_cut_off(tmp_path, edition):
    raw = caffemodel(TOY, edition)
    found = {outcome(written(tmp_path, raw[:length])) for length in range(0, len(raw), 3)}
    assert found <= {"refused", "2 blobs", "3 blobs"}  # cut behind a whole layer: what lacks is said by its name
    assert "refused" in found
    assert "missing" in refused(tmp_path, raw)


@pytest.mark.parametrize("edition", ["v1", "new", "c3d"])
def test_flipped_bytes_never_crash(tmp_path, edition):
    raw = caffemodel(TOY, edition)
    for position in range(0, len(raw), 2):
        found = outcome(written(tmp_path, raw[:position] + bytes([raw[position] ^ 0xFF]) + raw[position + 1 :]))
        assert found == "refused" or found.endswith(" blobs")


def test_another_networks_layers_are_refused(tmp_path):
    message = refused(tmp_path, caffemodel(TOY, "new"))
    assert "missing conv1a.weight" in message
    assert "left over conv.weight" in message
