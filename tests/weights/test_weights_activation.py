"""Converted networks against stored activations, those of published files included where they can be had."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
import torch

from helpers.published import in_cache
from helpers.weights import entry
from pipeline.core.errors import WeightsError
from pipeline.networks.whisper_encoder import sinusoids
from pipeline.weights.activation import activation, checked_state, fixed_sound
from pipeline.weights.convert import map_of, state_of
from pipeline.weights.layer_maps import MAPS

GRAPHS = {
    "faceres_deep": [0.0, 8.0517, 16.50979, 27.50985, 38.5344, 52.91767, 62.84545, 74.42059],
    "mobilefacenet": [-0.00886, 0.25585, -0.04699, -0.10179, -0.07946, -0.38394, -0.48282, 0.00632],
    "face_expression": [0.03291, 0.03292, 0.03677, 0.98815, 0.98815, 0.99474, 0.99591, 1.0],
}
"""What TensorFlow.js 4.22 in node makes of a portrait, resized and brought to the range as Human 3.0.4 does: running
sum of the output at eight places. She smiles: happiness, the fourth expression, has 0.95.
"""


def test_an_activation_of_a_network_that_takes_no_sound_is_refused(tmp_path):
    torch.save(MAPS["mtcnn_pnet"].build().state_dict(), tmp_path / "p.pt")
    made = entry(tmp_path, "file", file="p.pt", layers="mtcnn_pnet", activation=[0.0] * 8)
    with pytest.raises(WeightsError, match=r"net\.activation: only for networks .*WhisperEncoder; leave it out"):
        checked_state(made, tmp_path / "p.pt")


def test_the_fixed_sound_never_changes():
    found = fixed_sound()
    np.testing.assert_allclose(found[[1, 10001, -1]], [0.050051, -0.172038, -0.142105], atol=1e-6)
    assert found.shape == (32000,)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["whisper_tiny_en", "speaker_lstm", "efficientnet_lite0", *GRAPHS])
def test_published_networks_give_what_was_stored(name):
    made, path = in_cache(name)
    state, _ = state_of(made, path)
    np.testing.assert_allclose(activation(made, state, map_of(made, path)), made.activation, atol=1e-4)
    if name == "whisper_tiny_en":
        difference = state["positions.encodings"] - sinusoids(1500, 384)
        assert difference.abs().max() < 5e-4, "the file has the formula's in float16"


def test_a_speaker_lstm_is_checked_as_well(tmp_path):
    """Resemblyzer's file wraps its tensors, and has two of no layer that are ignored."""
    torch.manual_seed(0)
    network = MAPS["speaker_lstm"].build(**MAPS["speaker_lstm"].network)
    state = {**network.state_dict(), "similarity_weight": torch.ones(1), "similarity_bias": torch.ones(1)}
    torch.save({"step": 3, "model_state": state, "optimizer_state": {}}, tmp_path / "s.pt")
    fields = {"file": "s.pt", "layers": "speaker_lstm"}
    right = activation(entry(tmp_path, "file", **fields), network.state_dict())
    _, ignored = checked_state(entry(tmp_path, "file", **fields, activation=right), tmp_path / "s.pt")
    assert ignored == ["similarity_weight", "similarity_bias"]
    with pytest.raises(WeightsError, match="its network gives"):
        checked_state(entry(tmp_path, "file", **fields, activation=[*right[:-1], right[-1] + 0.01]), tmp_path / "s.pt")


def test_batch_normalisations_may_have_counted(tmp_path):
    """The whole number in each is no weight; every other tensor of whole numbers is refused."""
    torch.manual_seed(0)
    theirs = {ours: its for its, ours in MAPS["efficientnet_lite0"].layers.items()}
    state = MAPS["efficientnet_lite0"].build().state_dict()
    split = {key: key.rpartition(".") for key in state}
    named = {f"{theirs[layer]}.{part}": state[key] for key, (layer, _, part) in split.items()}
    torch.save({**named, "_fc.weight": torch.ones(2, 2)}, tmp_path / "e.pth")
    made = entry(tmp_path, "file", file="e.pth", layers="efficientnet_lite0")
    found, ignored = checked_state(made, tmp_path / "e.pth")
    assert ignored == ["_fc.weight"]
    assert found.keys() == state.keys()
    torch.save({**named, "_bn1.weight": torch.ones(1280, dtype=torch.int64)}, tmp_path / "e.pth")
    with pytest.raises(WeightsError, match=r"_bn1\.weight is \(1280,\) int64, not \(1280,\)"):
        checked_state(made, tmp_path / "e.pth")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_graphs_give_what_tensorflow_js_gives_for_a_portrait(name):
    made, path = in_cache(name)
    found = map_of(made, path)
    network = found.build(**found.network)
    network.load_state_dict(state_of(made, path)[0])
    portrait = np.ascontiguousarray(skimage.data.astronaut()[:200, 120:320])[None]
    with torch.inference_mode():
        values = network.features(torch.from_numpy(portrait)).cumsum(1)[0].numpy()
    places = np.linspace(0, len(values) - 1, 8).round().astype(int)
    np.testing.assert_allclose(values[places], GRAPHS[name], atol=1e-4)
