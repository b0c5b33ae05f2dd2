"""What every plugin of pipeline/features/segments/networks promises, and the windows of sound and face by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers import segments as toy
from pipeline.core import plugins
from pipeline.core.errors import ClipError, SettingsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.features.segments.windows import WindowParams, channels

NAMES = plugins.names("segment_networks")
SETTINGS = {
    "alexnet": {"windows": toy.WINDOWS, "bands": 16},
    "c3d": {"windows": toy.WINDOWS, "size": 16, "fc6": "adaptive"},
}
SOURCES = {"alexnet": toy.mel(0, "anger"), "c3d": toy.crops(0, "anger")}
CONFIGS = {"alexnet": {"width": 1 / 64}, "c3d": {"width": 1 / 64}}
"""A new network gets its line in each table."""


def load(name, **changes):
    plugin = plugins.load("segment_networks", name)
    return plugin, plugin.Params.model_validate({**SETTINGS[name], **changes})


@pytest.mark.parametrize("name", NAMES)
def test_docstring_and_params(name):
    plugin, params = load(name)
    assert plugin.__doc__.startswith(f"{name}: ")
    assert "section III" in plugin.__doc__
    assert issubclass(plugin.Params, Settings)
    assert isinstance(params.windows, WindowParams)


@pytest.mark.parametrize("name", NAMES)
def test_windows_have_the_shape_they_promise_and_the_network_takes_them(name):
    plugin, params = load(name)
    cut = plugin.Segments(params)
    found = cut(SOURCES[name])
    inputs = np.stack(list(found.inputs))
    assert inputs.shape == (found.mask.sum(), *cut.shape)
    assert inputs.dtype == cut.dtype
    assert len(found.mask) == len(found.times) == 4
    np.testing.assert_allclose(found.times, params.windows.centres(np.array([0, 8, 16, 24])))
    network = plugin.network(params, CONFIGS[name], 5).eval()
    ready = plugin.prepare(torch.from_numpy(inputs))
    with torch.inference_mode():
        assert network(ready).shape == (4, 5)
        features = network.features(ready)
    assert features.shape == (4, 64)
    assert (features >= 0).all()
    assert {f"{plugin.LAST}.weight", f"{plugin.LAST}.bias"} <= set(network.state_dict())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_clip_gives_the_same_windows_and_stays_as_it_is(name):
    plugin, params = load(name)
    before = SOURCES[name].digest()
    first, second = (plugin.Segments(params)(SOURCES[name]) for _ in range(2))
    np.testing.assert_array_equal(list(first.inputs), list(second.inputs))
    assert SOURCES[name].digest() == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rows", [1, 5, 16, 1000])
def test_windows_of_a_clip_that_stays_in_its_file_are_those_of_one_in_memory(name, rows, tmp_path, monkeypatch):
    plugin, params = load(name)
    write_features(
        tmp_path / "x.h5", FeatureMeta("x", SOURCES[name].values.shape[1], "float32"), [("c", SOURCES[name])]
    )
    monkeypatch.setattr("pipeline.core.store.WHOLE_BYTES", 0)
    monkeypatch.setattr(plugin, "_ROWS", rows)
    with FeatureFile(tmp_path / "x.h5") as file:
        clip = file.rows("c")
        assert isinstance(clip, ClipReader)
        found, expected = plugin.Segments(params)(clip), plugin.Segments(params)(SOURCES[name])
        np.testing.assert_array_equal(list(found.inputs), list(expected.inputs))
    np.testing.assert_array_equal(found.times, expected.times)
    np.testing.assert_array_equal(found.mask, expected.mask)


def test_sound_as_a_picture_of_three_channels():
    plugin, params = load("alexnet", offset=(1.0, 2.0, 3.0), scale=(2.0, 4.0, 8.0))
    clip = toy.mel(3, "happy")
    found = plugin.Segments(params)(clip)
    expected = (channels(clip.values[8:24]) - np.array([1, 2, 3])[:, None, None]) / np.array([2, 4, 8])[:, None, None]
    np.testing.assert_allclose(list(found.inputs)[1], expected, atol=1e-5)
    assert found.short == ""


def test_bilinear_to_227():
    plugin, _ = load("alexnet")
    ramp = torch.arange(4.0)[None, None, None, :].expand(1, 3, 4, 4)
    picture = plugin.prepare(ramp)
    assert picture.shape == (1, 3, 227, 227)
    centres = (np.arange(227) + 0.5) * 4 / 227 - 0.5
    np.testing.assert_allclose(picture[0, 0, 100], np.clip(centres, 0, 3), atol=1e-4)


def test_a_short_sound_is_one_window_with_its_ends_repeated():
    plugin, params = load("alexnet")
    clip = toy.mel(0, "anger", frames=9)
    found = plugin.Segments(params)(clip)
    (window,) = found.inputs
    assert found.mask.tolist() == [True]
    assert found.short == "9 of 16 frames; the first and last are repeated"
    expected = channels(clip.values[[0] * 3 + list(range(9)) + [8] * 4])
    np.testing.assert_allclose(window[0], (expected[0] + 9.5) / 4.2, atol=1e-5)


def test_a_logmel_of_other_frames_is_refused():
    plugin, params = load("alexnet")
    plugin.Segments(params).check_source(toy.LOGMEL)
    with pytest.raises(SettingsError, match=r"hop_ms 5\.0 there, 10\.0 here"):
        plugin.Segments(params).check_source(
            FeatureMeta("logmel", 16, "float32", params={**toy.LOGMEL.params, "hop_ms": 5.0})
        )
    with pytest.raises(SettingsError, match="bands 64 there, 16 here"):
        plugin.Segments(params).check_source(
            FeatureMeta("logmel", 64, "float32", params={**toy.LOGMEL.params, "bands": 64})
        )


def numbered(frames: int, hz: float = 25.0, hidden=(), start: float = 0.0) -> ClipFeatures:
    """Crops of one colour, the number of the frame."""
    pictures = np.ones((frames, 32, 24, 3), np.uint8) * np.arange(frames, dtype=np.uint8)[:, None, None, None]
    mask = ~np.isin(np.arange(frames), hidden)
    return ClipFeatures(np.zeros((frames, 4), np.float32), start + np.arange(frames) / hz, mask, {"crops": pictures})


@pytest.mark.parametrize(
    ("hz", "seconds", "second_window"),
    [
        # 0.30 to 0.955 s: frames 8 to 23, sixteen of them
        pytest.param(25, 1.0, list(range(8, 24)), id="25 frames a second: as many as needed"),
        # 9 to 28, 20 frames: 2 go on each side
        pytest.param(30, 1.0, list(range(11, 27)), id="30 frames a second: the paper's 20 frames, cut to 16"),
        # 3 to 9, 7 frames: the first 4 times more, the last 5 times more
        pytest.param(10, 1.0, [3] * 5 + [4, 5, 6, 7, 8] + [9] * 6, id="10 frames a second: repeated at the ends"),
    ],
)
def test_frames_of_a_window_are_those_in_its_time(hz, seconds, second_window):
    plugin, params = load("c3d", windows={"length": 64, "shift": 30})
    found = plugin.Segments(params)(numbered(round(hz * seconds), hz))
    assert found.times.tolist() == pytest.approx([0.3275, 0.6275])
    assert list(found.inputs)[1][:, 0, 0, 0].tolist() == second_window


def test_a_frame_without_a_face_is_replaced_by_the_nearest():
    plugin, params = load("c3d", windows={"length": 64, "shift": 30})
    found = plugin.Segments(params)(numbered(17, hidden=(4, 5, 6)))
    assert found.mask.tolist() == [True]
    # the window of 0.655 s holds 17 frames, of which the last goes; 5 lies as near to 3 as 7 to 6
    assert next(found.inputs)[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 3, 3, 7, *range(7, 16)]


def test_a_window_without_enough_of_a_face_is_not_observed():
    plugin, params = load("c3d", windows={"length": 64, "shift": 30})
    found = plugin.Segments(params)(numbered(50, hidden=range(20)))
    assert found.mask.tolist() == [False, False, True, True, True]
    inputs = list(found.inputs)
    assert len(inputs) == 3
    # from 0.60 s on: frames 15 to 31, of which the last goes, and those before 20 show none
    assert inputs[0][:, 0, 0, 0].tolist() == [20] * 6 + list(range(21, 31))
    with pytest.raises(ClipError) as caught:
        plugin.Segments(params)(numbered(50, hidden=range(50)))
    assert caught.value.reason == "no_face"


def test_pictures_shorter_than_a_window_are_one_window():
    plugin, params = load("c3d", windows={"length": 64, "shift": 30})
    found = plugin.Segments(params)(numbered(5))
    assert found.short == "0.200 of 0.655 s of pictures"
    assert next(found.inputs)[:, 0, 0, 0].tolist() == [0] * 6 + [1, 2, 3] + [4] * 7  # the paper's 5: 5 more, and 6 more


def test_sound_and_pictures_of_one_length_share_their_windows():
    sound, params = load("alexnet", windows={"length": 64, "shift": 30})
    face, other = load("c3d", windows={"length": 64, "shift": 30})
    heard = sound.Segments(params)(toy.mel(0, "anger", frames=params.windows.frames(2.0)))
    seen = face.Segments(other)(numbered(50))
    np.testing.assert_allclose(heard.times, seen.times)
