"""What every plugin of pipeline/features/aligned/networks promises, and what each gives the network by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from pipeline.core import plugins
from pipeline.core.errors import WeightsError
from pipeline.core.settings import Settings
from pipeline.core.weights_file import Weights
from pipeline.features.pretrained import with_weights
from pipeline.networks.c3d import C3D
from pipeline.networks.face_resnet import FaceResNet
from pipeline.networks.vgg_face import VggFace

NAMES = plugins.names("clip_networks")
SETTINGS = {"vggface": {"size": 32}, "pyramid": {"size": 40}, "c3d": {"size": 16, "fc6": "adaptive"}}
WIDTH = 1 / 32
SHAPES = {"vggface": [(128,)], "pyramid": [(2, 18, 15), (8, 3, 3), (16,)], "c3d": [(128,)]}
SOURCES = {
    "vggface": (VggFace, {"width": WIDTH, "classes": 4, "size": 32}),
    "pyramid": (FaceResNet, {"width": WIDTH, "identities": 4, "size": 40}),
    "c3d": (C3D, {"width": WIDTH, "classes": 4, "size": 16, "fc6": "adaptive"}),
}
"""A new network gets its line in each table: small settings, shapes of its layers, and the network of its source task.
"""


def load(name, **changes):
    plugin = plugins.load("clip_networks", name)
    return plugin, plugin.Params.model_validate({**SETTINGS[name], **changes})


def build(name, **changes):
    torch.manual_seed(0)
    plugin, params = load(name, **changes)
    return plugin, params, plugin.network(params, {"width": WIDTH}).eval()


def faces(clips: int = 2, frames: int = 16, height: int = 50, width: int = 43) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(0, 256, (clips, frames, height, width, 3), generator=generator, dtype=torch.uint8)


def weights(name: str) -> Weights:
    torch.manual_seed(1)
    build, shape = SOURCES[name]
    return Weights(build(**shape).state_dict(), {"network": shape}, "0" * 64, "toy weights")


@pytest.mark.parametrize("name", NAMES)
def test_docstring_and_constants(name):
    plugin, params = load(name)
    assert plugin.__doc__.startswith(f"{name}: ")
    assert "2017, sections 3.2." in plugin.__doc__
    assert issubclass(plugin.Params, Settings)
    assert plugin.HEAD in ("lstm", "linear")
    assert all(0 < share <= 1 for share in plugin.WINDOW)
    assert 0 <= getattr(params, "dropout", 0) < 1


@pytest.mark.parametrize("name", NAMES)
def test_layers_have_the_shapes_they_promise(name):
    plugin, params, network = build(name)
    with torch.inference_mode():
        layers = network.layers(plugin.prepare(params, faces()))
    rows = 16 if plugin.HEAD == "lstm" else 1
    assert len(layers) == len(plugin.LAYERS)
    assert [tuple(layer.shape) for layer in layers] == [(2, rows, *shape) for shape in SHAPES[name]]
    assert all(layer.isfinite().all() and layer.std() > 0 for layer in layers)


@pytest.mark.parametrize("name", NAMES)
def test_clips_do_not_mix_and_faces_stay_as_they_are(name):
    plugin, params, network = build(name)
    both = faces()
    before = both.clone()
    with torch.inference_mode():
        together = network.layers(plugin.prepare(params, both))
        alone = network.layers(plugin.prepare(params, both[1:]))
    assert torch.equal(both, before)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one[1:], other, rtol=1e-4, atol=1e-4 * float(one.abs().max()))


@pytest.mark.parametrize("name", [name for name in NAMES if plugins.load("clip_networks", name).HEAD == "lstm"])
def test_picture_networks_see_each_frame_alone_and_take_any_number(name):
    plugin, params, network = build(name)
    with torch.inference_mode():
        whole = network.layers(plugin.prepare(params, faces()))
        part = network.layers(plugin.prepare(params, faces()[:, 5:8]))
    for one, other in zip(whole, part, strict=True):
        torch.testing.assert_close(one[:, 5:8], other, rtol=1e-4, atol=1e-4 * float(one.abs().max()))


@pytest.mark.parametrize("name", NAMES)
def test_any_size_of_the_window_becomes_that_of_the_network(name):
    plugin, params = load(name)
    shape = plugin.prepare(params, faces(1)).shape
    for height, width in ((20, 20), (128, 128), (112, 96)):
        grey = torch.full((1, 16, height, width, 3), 77, dtype=torch.uint8)
        found = plugin.prepare(params, grey)
        assert found.shape == shape
        colours = found.movedim(2 if plugin.HEAD == "lstm" else 1, 0).flatten(1)
        torch.testing.assert_close(colours, colours[:, :1].expand_as(colours)), "one colour stays one colour"


@pytest.mark.parametrize("name", NAMES)
def test_gradients_reach_every_parameter(name):
    plugin, params, network = build(name)
    layers = network.layers(plugin.prepare(params, faces(1)))
    sum(layer.float().pow(2).mean() for layer in layers).backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in network.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_weights_of_its_source_task_fill_it(name):
    plugin, params, network = build(name)
    found = weights(name)
    assert with_weights(network, name, found, Path("x")) is network
    assert not network.training
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, found.state[key])
    source = SOURCES[name][0](**SOURCES[name][1]).eval()
    source.load_state_dict(found.state)
    inputs = plugin.prepare(params, faces(1))
    with torch.inference_mode():
        expected = source.features(inputs.flatten(0, 1) if plugin.HEAD == "lstm" else inputs)
        torch.testing.assert_close(network.layers(inputs)[-1][0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_other_weights_are_refused_by_name(name):
    other = weights(name)
    key = next(iter(other.state))
    for state, named in (
        ({k: v for k, v in other.state.items() if k != key}, key),
        ({**other.state, key: torch.zeros(3)}, key),
        ({**other.state, "extra.weight": torch.zeros(3)}, "extra.weight"),
    ):
        with pytest.raises(WeightsError, match=f"models/x: these weights do not fit .*{named}") as caught:
            with_weights(build(name)[2], name, Weights(state, {}, "", ""), Path("models/x"))
        assert "\n" not in str(caught.value)


def test_a_new_fc6_keeps_its_own_weights():
    _, _, network = build("c3d", fc6="new")
    before = network.fc6.weight.clone()
    filled = with_weights(network, "c3d", weights("c3d"), Path("x"))
    assert network.renewed == ("fc6.weight", "fc6.bias")
    assert torch.equal(filled.fc6.weight, before)
    assert torch.equal(filled.fc7.weight, weights("c3d").state["fc7.weight"])


def test_a_face_resnet_of_another_size():
    with pytest.raises(WeightsError, match=r"fc5\.weight"):
        with_weights(build("pyramid", size=64)[2], "pyramid", weights("pyramid"), Path("x"))


def test_published_settings():
    found = {name: plugins.load("clip_networks", name) for name in NAMES}
    assert found["vggface"].Params() == found["vggface"].Params(size=224, normalise="face")
    assert found["pyramid"].Params() == found["pyramid"].Params(size=112, grid=None)
    assert found["c3d"].Params() == found["c3d"].Params(size=112, fc6="published", dropout=0.5)
    with torch.device("meta"):
        vgg = found["vggface"].network(found["vggface"].Params(), {"width": 1.0})
        assert [tuple(one.shape) for one in vgg.layers(torch.empty(1, 2, 3, 224, 224))] == [(1, 2, 4096)]
        resnet = found["pyramid"].network(found["pyramid"].Params(), {"width": 1.0})
        shapes = [tuple(one.shape[2:]) for one in resnet.layers(torch.empty(1, 2, 3, 112, 96))]
        assert shapes == [(64, 54, 46), (256, 12, 10), (512,)]
    assert found["pyramid"].WINDOW == (112 / 128, 96 / 128)
    with pytest.raises(ValidationError, match="fc6 takes frames of 112 px, not 64"):
        found["c3d"].Params(size=64)


def test_a_grid_averages_equal_parts_of_the_maps():
    plugin, params, whole = build("pyramid", size=112)
    _, _, parts = build("pyramid", size=112, grid=(3, 2))
    with torch.inference_mode():
        inputs = plugin.prepare(params, faces(1, 2))
        (pool1b, pool3, fc5), found = whole.layers(inputs), parts.layers(inputs)
    assert [tuple(one.shape[2:]) for one in found] == [(2, 3, 2), (8, 3, 2), (16,)]
    torch.testing.assert_close(found[0], pool1b.reshape(1, 2, 2, 3, 18, 2, 23).mean((4, 6)))
    torch.testing.assert_close(found[1], pool3.reshape(1, 2, 8, 3, 4, 2, 5).mean((4, 6)))
    assert torch.equal(found[2], fc5)


def test_normalisation_of_imagenet():
    plugin, params = load("vggface", normalise="imagenet")
    grey = torch.full((1, 1, 8, 8, 3), 128, dtype=torch.uint8)
    found = plugin.prepare(params, grey)[0, 0, :, 0, 0]
    torch.testing.assert_close(
        found, (128 / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    )
