"""Published files under their original names, converted by their layer maps, give the activations that
`make_original_names.py` stored."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.original_names import (
    FOLDER,
    WIDTH,
    compute,
    face_resnet_shapes,
    pictures,
    sample,
    vgg_face_shapes,
    weights,
)
from helpers.weights import entry
from pipeline.core.files import file_digest
from pipeline.core.weights_file import load_weights
from pipeline.features.aligned.networks import pyramid, vggface
from pipeline.features.pretrained import with_weights
from pipeline.networks.face_resnet import normalise_faces
from pipeline.networks.vgg_face import VggFace, normalise_images
from pipeline.weights.convert import state_of
from pipeline.weights.layer_maps import MAPS
from pipeline.weights.published import publish

SHAPES = {"vgg_face": vgg_face_shapes(), "face_resnet": face_resnet_shapes()}
NARROW = {"vgg_face": {"width": WIDTH}, "face_resnet": {"width": WIDTH}}


def stored(name: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as archive:
        return dict(archive)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Write a narrow network's file under the original names, and take it in; return where it was put."""

    def make(name: str) -> Path:
        narrow = dataclasses.replace(MAPS[name], network={**MAPS[name].network, **NARROW[name]})
        monkeypatch.setitem(MAPS, name, narrow)
        (tmp_path / "cache" / "net").mkdir(parents=True)
        torch.save(weights(SHAPES[name]), tmp_path / "cache" / "net" / "net.pth")
        digest = file_digest(tmp_path / "cache" / "net" / "net.pth")
        one = entry(tmp_path, "file", file="net.pth", layers=name, sha256=digest)
        publish([one], tmp_path / "cache", tmp_path / "out", "params.yaml: fetch_weights.net")
        return tmp_path / "out"

    return make


def close(found: torch.Tensor, expected: np.ndarray) -> None:
    assert np.abs(expected).max() > 0.1
    assert (expected != 0).mean() > 0.2, "says something"
    assert not np.array_equal(expected[0], expected[1])
    np.testing.assert_allclose(sample(found.numpy()), expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@torch.inference_mode()
def test_vgg_face(published):
    folder, expected = published("vgg_face"), stored("vgg_face")
    loaded = load_weights(folder)
    inputs = normalise_images(pictures(224, 224), "face")
    whole = VggFace(**loaded.config["network"]).eval()
    whole.load_state_dict(loaded.state)
    close(whole(inputs), expected["fc6"])
    plugin = with_weights(vggface.network(vggface.Params(), loaded.config["network"]), "vggface", loaded, folder)
    close(plugin.layers(inputs[:, None])[0][:, 0], expected["fc6"])


@torch.inference_mode()
def test_face_resnet(published):
    folder, expected = published("face_resnet"), stored("face_resnet")
    loaded = load_weights(folder)
    plugin = with_weights(pyramid.network(pyramid.Params(), loaded.config["network"]), "pyramid", loaded, folder)
    found = plugin.layers(normalise_faces(pictures(112, 96))[:, None])
    for name, layer in zip(pyramid.LAYERS, found, strict=True):
        close(layer[:, 0], expected[name])


@pytest.mark.parametrize("name", SHAPES)
def test_full_size_files_have_the_published_shapes(tmp_path, name):
    """The narrow shapes, widened: all but colours, places of pool5 and pool4, and identities."""
    scaled = {}
    for key, shape in SHAPES[name].items():
        wide = [side * 16 if side not in (3, 10) else side for side in shape]
        scaled[key] = torch.tensor(0.0).expand(tuple(2622 if side == 10 else side for side in wide))
    torch.save(scaled, tmp_path / "net.pth")
    state, _ = state_of(entry(tmp_path, "file", file="net.pth", layers=name), tmp_path / "net.pth")
    assert {key: tuple(tensor.shape) for key, tensor in state.items()} == MAPS[name].shapes()
    with torch.device("meta"):
        MAPS[name].build(**MAPS[name].network).load_state_dict(state, assign=True)


def test_what_is_stored_can_be_computed_again():
    for name, arrays in compute().items():
        assert arrays.keys() == stored(name).keys()
        for layer, array in arrays.items():
            close(torch.from_numpy(array), stored(name)[layer])
