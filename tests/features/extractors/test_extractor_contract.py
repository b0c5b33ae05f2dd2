"""What every extractor plugin promises (`pipeline/features/extractors/__init__.py`), on small made input."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from helpers import hub
from helpers.published import published
from pipeline.audio.spectral import MfccParams, cepstra, with_derivatives
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta, joined
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import save_weights
from pipeline.features.extract_job import ExtractJob
from pipeline.features.extractors import _sound, _speech
from pipeline.media.audio_blocks import Audio
from pipeline.networks.efficientnet_lite import EfficientNetLite
from pipeline.networks.face_cnn import FaceCNN
from pipeline.networks.speaker_lstm import SpeakerLSTM
from pipeline.networks.speech_dnn import SpeechDNN
from pipeline.networks.tfjs_graph import TfjsGraph
from pipeline.networks.whisper_encoder import WhisperEncoder
from pipeline.training.place import CPU, Place

NAMES = plugins.names("extractors")
PUBLISHED = {"dlib128": ("dlib_face_recognition", "dlib_landmarks_5"), "landmarks68": ("dlib_landmarks_68",)}
"""Networks that others trained: extractor -> entries of weights.lock."""

HUB = {"hub_audio": "wav2vec2", "hub_frames": "vit", "hub_segments": "videomae"}
"""Extractors of encoders of any width, which need `transformers` -> one of `helpers.hub.MODELS`."""

SPEECH = {"inputs": 3 * 39, "hidden": 16, "last": 60, "phones": 5, "bottleneck": True}
GRAPHS = {"expression": 7, "faceres": 1024, "mobilefacenet": 192}


def graph(columns: int) -> dict[str, Any]:
    """Return the smallest graph that gives that many columns: averages of every other pixel's weighted colours."""
    moved = {"depthwise": False, "relu": False, "padding": "SAME", "strides": [2, 2]}
    steps = [("in", "Placeholder", [], {}), ("conv", "Convolution", ["in", "kernel"], moved),
             ("out", "Mean", ["conv"], {"axes": [1, 2], "kept": False})]  # fmt: skip
    told = {"steps": steps, "constants": {"kernel": [1, 1, 3, columns]}}
    return {"output": "out", "levels": (-1, 1), "size": (8, 8, 3), **told}


def filled_graph(**shape: Any) -> TfjsGraph:
    """Return a graph with weights that are not 0."""
    made = TfjsGraph(**shape)
    for values in made.buffers():
        values.normal_()
    return made


FACE = {"identities": 3, "width": 0.05}
NETWORKS = {
    "a60": (SpeechDNN, SPEECH, {"context": 1, "mfcc": MfccParams().model_dump(), "phones": list("abcde")}),
    "a1024": (
        SpeechDNN,
        {**SPEECH, "last": 1024, "bottleneck": False},
        {"context": 1, "mfcc": MfccParams().model_dump(), "phones": list("abcde")},
    ),
    "pool5": (FaceCNN, FACE, {"identities": ["i1", "i2", "i3"]}),
    "efficientnet": (EfficientNetLite, {}, {}),
    "resemblyzer": (SpeakerLSTM, {"bands": 40, "cells": 16, "layers": 2, "columns": 256}, {}),
    **{name: (filled_graph, graph(columns), {}) for name, columns in GRAPHS.items()},
    "whisper": (WhisperEncoder, {"bands": 80, "width": 384, "layers": 1, "heads": 6, "positions": 100}, {}),
}
"""Networks small enough for a test; a new extractor with a network gets its line here."""


WHOLE_CLIP = ("egemaps", "compare16", "hog", "landmarks68")
"""Extractors that give one row per clip, which has no rate, unless their settings say otherwise."""


def samples(seconds: float = 0.5) -> np.ndarray:
    t = np.arange(round(16000 * seconds)) / 16000
    return (0.3 * np.sin(2 * np.pi * 220 * t) + 0.01 * np.random.default_rng(0).standard_normal(len(t))).astype(
        np.float32
    )


def sound(seconds: float = 0.5) -> Audio:
    return Audio.of(samples(seconds))


def mfcc(frames: int = 20) -> ClipFeatures:
    values = np.random.default_rng(1).standard_normal((frames, 39)).astype(np.float32)
    return ClipFeatures(values, 0.0125 + 0.01 * np.arange(frames), np.ones(frames, bool))


def faces(mask: tuple[bool, ...] = (True, True, False, True), px: int = 120) -> ClipFeatures:
    count = len(mask)
    crops = np.random.default_rng(2).integers(0, 256, (count, px, px, 3), np.uint8)
    return ClipFeatures(np.zeros((count, 1), np.float32), 0.04 * np.arange(count), np.array(mask), {"crops": crops})


GOOD = {"sound": sound, "mfcc39": mfcc, "square100": faces, "eyes55": faces}
BAD = {
    "sound": lambda: sound(0.01),
    "square100": lambda: faces((False, False)),
    "eyes55": lambda: faces((False, False)),
}


def weights_of(name: str, folder: Path) -> Path | None:
    if name in PUBLISHED:
        return published(*PUBLISHED[name])
    if name in HUB:
        pytest.importorskip("transformers", reason="the optional extra `hub` is not installed")
        return folder / name if (folder / name).is_dir() else hub.published(HUB[name], folder).rename(folder / name)
    if name not in NETWORKS:
        return None
    torch.manual_seed(0)
    network, shape, config = NETWORKS[name]
    where = folder / name
    save_weights(
        where, network(**shape).state_dict(), {"network": shape, "speakers": ["x1", "x2"], **config}, "made for a test"
    )
    return where


@pytest.fixture(scope="module", params=NAMES)
def plugin(request) -> ModuleType:
    return plugins.load("extractors", request.param)


def name_of(plugin: ModuleType) -> str:
    return plugin.__name__.rsplit(".", 1)[-1]


@pytest.fixture(scope="module")
def extractor(plugin, tmp_path_factory):
    torch.set_num_threads(1)
    return plugin.Extractor(plugin.Params(), weights_of(name_of(plugin), tmp_path_factory.mktemp("weights")))


def test_docstring_gives_paper_weights_and_output(plugin, extractor):
    text = " ".join(plugin.__doc__.split())
    assert text.startswith(f"{name_of(plugin)}: ")
    assert re.search(r"\d{4}, (section|Fig\.|eq\.)\s?\(?[\dIVX]", text), "the paper's section, figure or equation"
    assert re.search(r"Weights: \S", text)
    rows, columns = re.search(r"Output: \((\w+), (\d+|D)\)", text).groups()
    assert (rows, columns) == ("T", "D" if name_of(plugin) in HUB else str(extractor.meta.dimension))


def test_params_are_frozen_and_closed(plugin):
    assert issubclass(plugin.Params, Settings)
    assert plugin.Params.model_config["frozen"]
    with pytest.raises(ValidationError):
        plugin.Params.model_validate({"nobody_knows": 1})
    params = plugin.Params()
    for name in plugin.Params.model_fields:
        with pytest.raises(ValidationError):
            setattr(params, name, getattr(params, name))


def test_plugins_are_leaves(plugin):
    imported = {
        node.module
        for node in ast.walk(ast.parse(Path(plugin.__file__).read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert not {
        name
        for name in imported
        if name.startswith("pipeline.features.extractors") and not name.split(".")[-1].startswith("_")
    }


def test_meta_says_what_it_is(plugin, extractor):
    meta = extractor.meta
    assert isinstance(meta, FeatureMeta)
    assert meta.feature == name_of(plugin)
    assert meta.params == plugin.Params().model_dump()
    assert meta.version == "", "the engine fills it in"
    assert bool(meta.columns) != bool(meta.layer), "columns have names, or a layer is named"
    if meta.columns:
        assert len(meta.columns) == len(set(meta.columns)) == meta.dimension
    assert bool(meta.weights) == bool(meta.origin) == (name_of(plugin) in {**NETWORKS, **PUBLISHED, **HUB})


def test_values_fit_the_meta_and_the_store(plugin, extractor, tmp_path):
    found = joined(extractor(GOOD[plugin.INPUT]()))
    assert found.values.shape == (len(found.times), extractor.meta.dimension)
    assert found.values.dtype == np.dtype(extractor.meta.dtype)
    assert found.mask.dtype == bool
    assert found.mask.any()
    assert (np.diff(found.times) > 0).all()
    assert found.times[0] >= 0
    assert np.isfinite(found.values[found.mask]).all()
    if name_of(plugin) in (*WHOLE_CLIP, "resemblyzer", "hub_segments"):
        assert len(found.values) == 1, "of half a second"
    else:
        assert len(np.unique(found.values[found.mask], axis=0)) > 1, "frames differ"
    write_features(tmp_path / "x.h5", extractor.meta, [("c1", found)])
    with FeatureFile(tmp_path / "x.h5") as file:
        np.testing.assert_array_equal(file.read("c1").values, found.values)


def test_rate_is_that_of_the_times(plugin, extractor):
    found = joined(extractor(GOOD[plugin.INPUT]()))
    if extractor.meta.rate_hz:
        np.testing.assert_allclose(np.diff(found.times), 1 / extractor.meta.rate_hz, rtol=1e-9)
    else:
        assert plugin.INPUT == "square100" or name_of(plugin) in WHOLE_CLIP, "only a video has its own timestamps"


def contents(given: Audio | ClipFeatures) -> np.ndarray:
    return np.concatenate(
        list(given.blocks()) if isinstance(given, Audio) else [block.values for block in given.blocks(7)]
    )


def test_calling_twice_gives_the_same(plugin, extractor, tmp_path):
    given = GOOD[plugin.INPUT]()
    before = contents(given)
    first = joined(extractor(given))
    joined(extractor(sound(0.3) if plugin.INPUT == "sound" else GOOD[plugin.INPUT]()))
    again = joined(plugin.Extractor(plugin.Params(), weights_of(name_of(plugin), tmp_path))(given))
    for name in ("values", "times", "mask"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
    np.testing.assert_array_equal(before, contents(given), "input is left alone")


def test_input_that_is_too_little_costs_the_clip(plugin, extractor):
    if plugin.INPUT not in BAD:
        assert len(joined(extractor(mfcc(1))).values) == 1, "one frame is enough where the input cannot be shorter"
        return
    with pytest.raises(ClipError) as caught:
        joined(extractor(BAD[plugin.INPUT]()))
    assert caught.value.reason in ("too_short", "no_face")
    assert caught.value.detail


@pytest.mark.parametrize(("name", "tolerance"), [("mfcc39", 1e-6), ("logmel", 1e-6)])
@pytest.mark.parametrize("settings", [{}, {"window_ms": 20, "hop_ms": 30}, {"hop_ms": 7}])
def test_frames_of_a_long_clip_are_those_of_the_whole(monkeypatch, name, tolerance, settings):
    """The mel sums are matrix products, whose last bits hang on the number of frames."""
    plugin = plugins.load("extractors", name)
    extractor = plugin.Extractor(plugin.Params(**settings))
    whole = joined(extractor(sound(2.0)))
    monkeypatch.setattr(_sound, "PIECE_S", 0.3)
    blocks = list(extractor(Audio.of(samples(2.0), 999)))
    assert len(blocks) == 7
    found = joined(blocks)
    np.testing.assert_array_equal(found.times, whole.times)
    np.testing.assert_array_equal(found.mask, whole.mask)
    np.testing.assert_allclose(found.values, whole.values, rtol=0, atol=tolerance * np.abs(whole.values).max())


@pytest.mark.parametrize("count", [4800, 4801, 4800 + 239, 4800 + 240, 4800 + 399, 4800 + 400])
@pytest.mark.parametrize("name", ["mfcc39", "logmel"])
def test_a_rest_of_any_length_has_the_frames_of_the_whole(monkeypatch, name, count):
    plugin = plugins.load("extractors", name)
    extractor = plugin.Extractor(plugin.Params())
    whole = joined(extractor(Audio.of(samples()[:count])))
    monkeypatch.setattr(_sound, "PIECE_S", 0.3)
    found = joined(extractor(Audio.of(samples()[:count])))
    np.testing.assert_array_equal(found.times, whole.times)
    np.testing.assert_allclose(found.values, whole.values, rtol=0, atol=1e-6 * np.abs(whole.values).max())


def test_derivatives_of_a_long_clip_are_those_of_its_static_columns(monkeypatch):
    plugin = plugins.load("extractors", "mfcc39")
    monkeypatch.setattr(_sound, "PIECE_S", 0.3)
    static = [cepstra(samples(2.0)[begin : begin + 4800 + 240], MfccParams()) for begin in range(0, 32000 - 400, 4800)]
    found = joined(plugin.Extractor(plugin.Params())(sound(2.0)))
    np.testing.assert_array_equal(found.values, with_derivatives(np.concatenate(static)).astype(np.float32))


@pytest.mark.parametrize("name", ["a60", "a1024"])
def test_a_network_on_a_long_clip_gives_what_it_gives_on_the_whole(monkeypatch, tmp_path, name):
    """Zero mean and unit variance are the utterance's, context goes over the seams; matrix products are rounded."""
    plugin = plugins.load("extractors", name)
    extractor = plugin.Extractor(plugin.Params(), weights_of(name, tmp_path))
    whole = joined(extractor(mfcc(200)))
    monkeypatch.setattr(_speech, "NORMAL_ROWS", 90)
    monkeypatch.setattr(_speech, "ROWS", 64)
    blocks = list(extractor(mfcc(200)))
    assert [len(block.values) for block in blocks] == [63, 64, 64, 9]
    found = joined(blocks)
    np.testing.assert_array_equal(found.times, whole.times)
    np.testing.assert_allclose(found.values, whole.values, rtol=0, atol=1e-5 * np.abs(whole.values).max())


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_a_network_needs_its_weights_and_says_who_it_knows(name, tmp_path):
    plugin = plugins.load("extractors", name)
    made_by = f"dvc repro .*(pretrain|fetch_weights)@{name}"
    with pytest.raises(WeightsError, match=made_by):
        plugin.Extractor(plugin.Params(), None)
    with pytest.raises(WeightsError, match=made_by):
        plugin.Extractor(plugin.Params(), tmp_path / name)
    assert set(plugin.Extractor(plugin.Params(), weights_of(name, tmp_path)).source_speakers) == {"x1", "x2"}


@pytest.mark.parametrize("files", [[], ["0123456789abcdef"]])
def test_pool5_says_which_files_its_network_was_trained_on(tmp_path, files):
    network, shape, config = NETWORKS["pool5"]
    known = {"network": shape, "speakers": [], **config, **({"files": files} if files else {})}
    save_weights(tmp_path / "pool5", network(**shape).state_dict(), known, "made for a test")
    assert ExtractJob.of("pool5", {}, "extract_face.pool5", tmp_path, tmp_path / "pool5").source_files() == files


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_a_graph_of_other_columns_is_refused(name, tmp_path):
    save_weights(tmp_path, TfjsGraph(**graph(5)).state_dict(), {"network": graph(5), "speakers": []}, "made for a test")
    plugin = plugins.load("extractors", name)
    with pytest.raises(WeightsError, match=f"another network: 5 columns, not {GRAPHS[name]}"):
        plugin.Extractor(plugin.Params(), tmp_path)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.manual_seed(0)
    shape = {**SPEECH, "hidden": 20}
    config = {"network": SPEECH, "speakers": [], **NETWORKS["a60"][2]}
    save_weights(tmp_path, SpeechDNN(**shape).state_dict(), config, "made for a test")
    plugin = plugins.load("extractors", "a60")
    with pytest.raises(WeightsError, match="for another network") as caught:
        plugin.Extractor(plugin.Params(), tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a60", "a1024"])
def test_mfcc_that_the_network_was_not_trained_on_is_refused(tmp_path, name):
    plugin = plugins.load("extractors", name)
    extractor = plugin.Extractor(plugin.Params(), weights_of(name, tmp_path))
    meta = FeatureMeta("mfcc39", 39, "float32", params=MfccParams().model_dump())
    extractor.check_input(meta)
    other = FeatureMeta("mfcc39", 39, "float32", params=MfccParams(mels=30, hop_ms=5).model_dump())
    with pytest.raises(SettingsError, match="hop_ms, mels"):
        extractor.check_input(other)


def test_a1024_is_the_last_hidden_layer_behind_its_relu(tmp_path):
    plugin = plugins.load("extractors", "a1024")
    extractor = plugin.Extractor(plugin.Params(), weights_of("a1024", tmp_path))
    found = joined(extractor(mfcc())).values
    assert found.min() == 0
    assert 0.1 < (found > 0).mean() < 0.9


@pytest.mark.parametrize(("name", "last"), [("a60", 64), ("a1024", 512)])
def test_a_last_layer_of_another_size_is_refused(tmp_path, name, last):
    shape = {**NETWORKS[name][1], "last": last}
    config = {"network": shape, "speakers": [], **NETWORKS[name][2]}
    save_weights(tmp_path, SpeechDNN(**shape).state_dict(), config, "made for a test")
    plugin = plugins.load("extractors", name)
    with pytest.raises(WeightsError, match=rf"has {last} nodes; set pretrain\.{name}\.settings\.last to"):
        plugin.Extractor(plugin.Params(), tmp_path)


def test_a60_hears_neither_level_nor_channel(tmp_path):
    """An affine change per column, as a fixed channel makes one, goes with the normalisation over the utterance."""
    plugin = plugins.load("extractors", "a60")
    extractor = plugin.Extractor(plugin.Params(), weights_of("a60", tmp_path))
    plain = mfcc()
    changed = ClipFeatures(3 * plain.values + np.arange(39, dtype=np.float32), plain.times, plain.mask)
    np.testing.assert_allclose(joined(extractor(changed)).values, joined(extractor(plain)).values, atol=1e-3)


def test_a60_hears_the_level_where_its_source_was_normalised_as_a_whole(tmp_path):
    rng = np.random.default_rng(0)
    normal = {"mean": rng.normal(size=39).tolist(), "deviation": rng.uniform(1, 2, 39).tolist()}
    torch.manual_seed(0)
    network = SpeechDNN(**SPEECH).eval()
    save_weights(
        tmp_path,
        network.state_dict(),
        {"network": SPEECH, "speakers": [], "normal": normal, **NETWORKS["a60"][2]},
        "made for a test",
    )
    plugin = plugins.load("extractors", "a60")
    plain = mfcc()
    found = joined(plugin.Extractor(plugin.Params(), tmp_path)(plain)).values
    scaled = (plain.values - np.array(normal["mean"])) / np.array(normal["deviation"])
    padded = np.pad(scaled, ((1, 1), (0, 0)), mode="edge").astype(np.float32)
    seen = np.hstack([padded[:-2], padded[1:-1], padded[2:]])
    with torch.inference_mode():
        np.testing.assert_allclose(found, network.features(torch.from_numpy(seen)).numpy(), rtol=1e-4, atol=1e-4)


def test_pool5_rows_follow_the_mask(tmp_path):
    plugin = plugins.load("extractors", "pool5")
    extractor = plugin.Extractor(plugin.Params(), weights_of("pool5", tmp_path))
    found = joined(extractor(faces((True, False, True))))
    np.testing.assert_array_equal(found.mask, [True, False, True])
    np.testing.assert_array_equal(np.isnan(found.values).all(axis=1), [False, True, False])
    assert found.values.dtype == np.float16


@pytest.mark.parametrize(("every", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (3, [0, 3]), (9, [0])])
def test_pool5_takes_every_nth_frame(tmp_path, every, expected):
    plugin = plugins.load("extractors", "pool5")
    extractor = plugin.Extractor(plugin.Params(every=every), weights_of("pool5", tmp_path))
    given = faces((True,) * 5)
    found = joined(extractor(given))
    np.testing.assert_array_equal(found.times, given.times[expected])
    whole = joined(plugin.Extractor(plugin.Params(), weights_of("pool5", tmp_path))(given))
    np.testing.assert_allclose(found.values, whole.values[expected], rtol=2e-2, atol=1e-2)


def test_pool5_does_not_hang_on_the_batch_or_the_light(tmp_path):
    plugin = plugins.load("extractors", "pool5")
    folder = weights_of("pool5", tmp_path)
    given = faces((True,) * 4, px=100)
    whole = joined(plugin.Extractor(plugin.Params(), folder)(given)).values
    single = joined(plugin.Extractor(plugin.Params(batch=1), folder)(given)).values
    np.testing.assert_allclose(single, whole, rtol=2e-2, atol=1e-2)
    dim = ClipFeatures(given.values, given.times, given.mask, {"crops": given.extra["crops"] // 4 * 2})
    bright = ClipFeatures(given.values, given.times, given.mask, {"crops": given.extra["crops"] // 4 * 2 + 100})
    extractor = plugin.Extractor(plugin.Params(), folder)
    np.testing.assert_allclose(joined(extractor(bright)).values, joined(extractor(dim)).values, rtol=2e-2, atol=1e-2)


OF_FEATURES = [name for name in sorted({*NETWORKS, *PUBLISHED}) if plugins.load("extractors", name).INPUT != "sound"]


@pytest.mark.parametrize("name", OF_FEATURES)
def test_a_network_is_applied_in_its_place(name, tmp_path):
    """In bfloat16, since the tests have no other device: another key, coarser values; dlib's network stays as it is."""
    source = plugins.load("extractors", name).INPUT
    given = mfcc() if source == "mfcc39" else faces((True,))
    write_features(tmp_path / f"{source}.h5", FeatureMeta(source, given.values.shape[1], "float32"), [("c", given)])
    places = CPU, Place("cpu", mixed_precision=True)
    jobs = [
        ExtractJob.of(name, {}, f"extract.{name}", tmp_path / f"{source}.h5", weights_of(name, tmp_path), place)
        for place in places
    ]
    clip = Clip("c", "c.mp4", "s", "anger", digest="0")
    keys, values = zip(*((job.parts(clip), joined(job.compute(clip, job.load(clip), [])).values) for job in jobs),
                       strict=True)  # fmt: skip
    assert (keys[0] == keys[1]) == (name in PUBLISHED)
    exact, coarse = (one.astype(float) for one in values)
    assert np.array_equal(exact, coarse, equal_nan=True) == (name in PUBLISHED)
    np.testing.assert_allclose(coarse, exact, atol=0.05 * np.nanmax(np.abs(exact)))
