"""Published files of torch, under their own layer names, give our networks; anything else is refused in one line."""

from __future__ import annotations

import pickle
import random

import pytest
import torch
from torch.nn import functional

from helpers.weights import entry
from pipeline.core.errors import WeightsError
from pipeline.networks import torchvision_ops
from pipeline.networks.c3d import C3D
from pipeline.weights.convert import state_of
from pipeline.weights.layer_maps import MAPS

VGG_BLOCKS = [(3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3)]
FULL = {"fc6": (4096, 25088), "fc7": (4096, 4096), "fc8": (2622, 4096)}


def vgg_face_file() -> dict[str, torch.Tensor]:
    """A file as published: random convolutions, and constant layers of full size that take one number on disk."""
    torch.manual_seed(0)
    state = {}
    for block, (before, after, count) in enumerate(VGG_BLOCKS, 1):
        for layer in range(1, count + 1):
            inputs = before if layer == 1 else after
            state[f"conv{block}_{layer}.weight"] = torch.randn(after, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5
            state[f"conv{block}_{layer}.bias"] = torch.randn(after) * 0.1
    for number, (name, shape) in enumerate(FULL.items(), 1):
        state[f"{name}.weight"] = torch.tensor(float(number)).expand(shape)
        state[f"{name}.bias"] = torch.tensor(-float(number)).expand(shape[0])
    return state


def c3d_file() -> dict[str, torch.Tensor]:
    """A file as published: every tensor full of its own number."""
    channels = {"1a": (3, 64), "2a": (64, 128), "3a": (128, 256), "3b": (256, 256), "4a": (256, 512), "4b": (512, 512)}
    channels |= {"5a": (512, 512), "5b": (512, 512)}
    shapes = {}
    for name, (before, after) in channels.items():
        shapes[f"conv{name}.conv.weight"] = (after, before, 3, 3, 3)
        shapes[f"conv{name}.conv.bias"] = (after,)
    shapes |= {"fc6.weight": (4096, 8192), "fc6.bias": (4096,), "fc7.weight": (4096, 4096), "fc7.bias": (4096,)}
    return numbered(shapes)


def numbered(shapes) -> dict[str, torch.Tensor]:
    """Tensors of full size that take one number each on disk."""
    return {name: torch.tensor(float(number)).expand(shape) for number, (name, shape) in enumerate(shapes.items())}


@pytest.fixture
def make(tmp_path):
    """Write a file, and return the entry and the path."""

    def write(layers, content, **options):
        path = tmp_path / "net.pth"
        torch.save(content, path, **options)
        return entry(tmp_path, "file", file="net.pth", layers=layers), path

    return write


def refused(net, path) -> str:
    with pytest.raises(WeightsError) as caught:
        state_of(net, path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert "python -m pipeline weights import net FILE" in message
    return message


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "as before 2020"])
def test_vgg_face_computes_the_same_under_our_names(make, options):
    original = vgg_face_file()
    state, ignored = state_of(*make("vgg_face", original, **options))
    assert ignored == ["fc7.weight", "fc7.bias", "fc8.weight", "fc8.bias"]
    with torch.device("meta"):
        network = torchvision_ops.models().vgg16()
    network.load_state_dict(state, assign=True, strict=False)
    x = found = torch.randn(1, 3, 32, 32)
    for block, (_, _, count) in enumerate(VGG_BLOCKS, 1):
        for layer in range(1, count + 1):
            name = f"conv{block}_{layer}"
            found = functional.conv2d(found, original[f"{name}.weight"], original[f"{name}.bias"], padding=1).relu()
        found = functional.max_pool2d(found, 2, 2)
    with torch.inference_mode():
        ours = network.features(x)
    assert ours.std() > 0.01
    assert torch.allclose(ours, found, atol=1e-5)
    assert {key for key in state if key.startswith("classifier")} == {"classifier.0.weight", "classifier.0.bias"}
    assert state["classifier.0.weight"].shape == FULL["fc6"]
    assert (state["classifier.0.weight"][0, 0], state["classifier.0.bias"][0]) == (1, -1)


def test_c3d(make):
    original = c3d_file()
    state, _ = state_of(*make("c3d", original))
    assert len(state) == len(original) == 20
    assert all(torch.equal(state[name.replace(".conv.", ".")], tensor) for name, tensor in original.items())
    with torch.device("meta"):
        C3D().load_state_dict(state, assign=True)


def test_wrapped_as_training_frameworks_do(make):
    state, _ = state_of(*make("c3d", {"state_dict": c3d_file(), "meta": {"epoch": 3}}))
    assert state.keys() == MAPS["c3d"].shapes().keys()


HEADS = {
    "alexnet": {"classifier.6.weight": (1000, 4096), "classifier.6.bias": (1000,)},
    "vgg16": {"classifier.3.weight": (4096, 4096), "classifier.6.weight": (1000, 4096), "classifier.6.bias": (1000,)},
    "c3d": {"fc8.weight": (487, 4096), "fc8.bias": (487,)},
    "face_resnet": {"fc6.weight": (10572, 512), "fc6.bias": (10572,), "center_loss.weight": (10572, 512)},
}


@pytest.mark.parametrize("layers", HEADS)
def test_layers_behind_the_feature_are_ignored_by_name(make, layers):
    asked = c3d_file() if layers == "c3d" else numbered(MAPS[layers].shapes())
    state, ignored = state_of(*make(layers, {**asked, **numbered(HEADS[layers])}))
    assert ignored == list(HEADS[layers])
    assert state.keys() == MAPS[layers].shapes().keys()
    assert "left over fc9.weight" in refused(*make(layers, {**asked, "fc9.weight": torch.zeros(2, 2)}))


def test_a_recogniser_of_mmaction2_is_its_backbone(make):
    original = {f"backbone.{name}": tensor for name, tensor in c3d_file().items()}
    head = {"cls_head.fc_cls.weight": torch.zeros(101, 4096), "cls_head.fc_cls.bias": torch.zeros(101)}
    state, ignored = state_of(*make("c3d", {"state_dict": {**original, **head}}))
    assert ignored == list(head)
    assert torch.equal(state["conv5b.bias"], original["backbone.conv5b.conv.bias"])
    assert torch.equal(state["fc7.weight"], original["backbone.fc7.weight"])


@pytest.mark.parametrize("layers", ["alexnet", "vgg16", "face_resnet", "mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"])
def test_names_that_are_ours_already(make, layers):
    shapes = MAPS[layers].shapes()
    original = numbered(shapes)
    state, ignored = state_of(*make(layers, original))
    assert not ignored
    assert list(state) == list(original)
    assert all(torch.equal(state[name], original[name]) for name in original)


@pytest.mark.parametrize(
    ("layers", "parameters"), [("mtcnn_pnet", 6_632), ("mtcnn_rnet", 100_178), ("mtcnn_onet", 389_040)]
)
def test_mtcnn_has_the_published_number_of_parameters(layers, parameters):
    shapes = MAPS[layers].shapes()
    assert sum(torch.Size(shape).numel() for shape in shapes.values()) == parameters


def small() -> dict[str, torch.Tensor]:
    return {name: torch.randn(shape) for name, shape in MAPS["mtcnn_pnet"].shapes().items()}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"conv1.weight": None}, "missing conv1.weight"),
        ({"extra.weight": torch.zeros(1)}, "left over extra.weight"),
        ({"conv1.bias": torch.zeros(3)}, "conv1.bias is (3,) float32, not (10,)"),
        ({"conv1.bias": torch.zeros(10, dtype=torch.int64)}, "conv1.bias is (10,) int64, not (10,)"),
    ],
)
def test_other_tensors(make, change, words):
    content = {name: tensor for name, tensor in {**small(), **change}.items() if tensor is not None}
    assert words in refused(*make("mtcnn_pnet", content))


def test_another_network_is_not_told_tensor_by_tensor(make):
    message = refused(*make("vgg_face", c3d_file()))
    assert "not weights of vgg_face" in message
    assert len(message) < 500


def test_the_message_has_the_files_own_names(make):
    content = c3d_file()
    content["conv1a.conv.bias"] = torch.zeros(65)
    assert "conv1a.conv.bias is (65,)" in refused(*make("c3d", content))


def test_two_names_for_one_layer(make):
    content = {**c3d_file(), "conv1a.weight": torch.zeros(64, 3, 3, 3, 3)}
    assert "there twice conv1a.conv.weight" in refused(*make("c3d", content))


class Dangerous:
    """Runs code when unpickled."""

    def __reduce__(self):
        return (print, ("code ran",))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"conv1.weight": Dangerous()}, id="code inside"),
        pytest.param({}, id="empty"),
        pytest.param([torch.zeros(2)], id="a list"),
        pytest.param(torch.zeros(2), id="a tensor"),
        pytest.param({"conv1.weight": 3.0}, id="a number"),
        pytest.param({1: torch.zeros(2)}, id="a key that is no name"),
        pytest.param(torch.nn.Linear(2, 2), id="a module"),
    ],
)
def test_no_plain_state_dict(make, content, capsys):
    refused(*make("mtcnn_pnet", content))
    refused(*make(None, content))
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "raw",
    [b"", b"text", pickle.dumps(Dangerous()), pickle.dumps({"a": 1}), b"\x89HDF\r\n\x1a\n" + bytes(90)],
    ids=["empty", "text", "a pickle with code", "a plain pickle", "HDF5"],
)
def test_no_file_of_torch(make, raw, capsys):
    net, path = make("mtcnn_pnet", small())
    path.write_bytes(raw)
    refused(net, path)
    assert "code ran" not in capsys.readouterr().out


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "as before 2020"])
def test_cut_off(make, options):
    net, path = make("mtcnn_pnet", small(), **options)
    raw = path.read_bytes()
    for share in [*(number / 40 for number in range(40)), 0.999]:
        path.write_bytes(raw[: int(share * len(raw))])
        refused(net, path)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "as before 2020"])
def test_flipped_bytes_never_crash(make, options):
    """Before its hash is pinned a damaged file may pass, but nothing other than a WeightsError may come out of it."""
    net, path = make("mtcnn_pnet", small(), **options)
    raw = path.read_bytes()
    for position in random.Random(0).sample(range(len(raw)), 150):
        path.write_bytes(raw[:position] + bytes([raw[position] ^ 0xFF]) + raw[position + 1 :])
        assert outcome(net, path) in ("loaded", "refused")


def outcome(net, path) -> str:
    """Load a file, and say what came of it."""
    try:
        state_of(net, path)
    except WeightsError as error:
        return "refused" if "\n" not in str(error) else str(error)
    return "loaded"


def test_no_layer_map_yet(make):
    content = {"anything.weight": torch.zeros(3, 2)}
    assert torch.equal(state_of(*make(None, content))[0]["anything.weight"], content["anything.weight"])


def test_a_layer_map_that_does_not_exist(make):
    net, path = make("vggface", small())
    with pytest.raises(WeightsError, match=r"net\.layers: no layer map 'vggface' \(did you mean 'vgg_face'\?\)"):
        state_of(net, path)


def test_absent(tmp_path):
    with pytest.raises(WeightsError, match="no such file"):
        state_of(entry(tmp_path, "file", file="net.pth", layers="c3d"), tmp_path / "net.pth")
