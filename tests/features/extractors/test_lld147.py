"""lld147 against openSMILE itself."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, joined
from pipeline.features.extractors import lld147
from pipeline.media.audio_blocks import Audio

opensmile = pytest.importorskip("opensmile")

SEGMENT_ONLY = ("F0final", "voicingFinalUnclipped", "jitterLocal", "jitterDDP", "shimmerLocal", "logHNR")
"""Descriptors whose derivatives ComParE_2016 takes with `onlyInSegments`. openSMILE's sum of squares grows by 3 from
frame to frame there (its derivative shrinks towards 0 in the course of a file), so it is no reference for them."""


def features(extractor: lld147.Extractor, samples: np.ndarray) -> ClipFeatures:
    return joined(extractor(Audio.of(samples)))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    t = np.arange(AUDIO_HZ) / AUDIO_HZ
    buzz = sum(np.sin(2 * np.pi * 150 * k * t) / k for k in range(1, 12)) * (t < 0.6)
    noise = np.random.default_rng(2017).standard_normal(AUDIO_HZ)
    return (0.2 * buzz + 0.3 * np.sin(2 * np.pi * (200 * t + 1400 * t**2)) * (t > 0.4) + 0.01 * noise).astype(
        np.float32
    )


@pytest.fixture(scope="module")
def extractor() -> lld147.Extractor:
    return lld147.Extractor(lld147.Params())


@pytest.fixture(scope="module")
def columns(extractor, sound) -> dict[str, np.ndarray]:
    return dict(zip(extractor.meta.columns, features(extractor, sound).values.T, strict=True))


@pytest.fixture(scope="module")
def compare(sound):
    level = opensmile.FeatureLevel.LowLevelDescriptors
    return opensmile.Smile(opensmile.FeatureSet.ComParE_2016, level).process_signal(sound, AUDIO_HZ)


def test_147_is_three_times_49(extractor):
    names = extractor.meta.columns
    assert len(names) == len(set(names)) == 147
    assert [name + "_de" for name in names[:49]] == list(names[49:98])
    assert [name + "_dede" for name in names[:49]] == list(names[98:])


def test_which_descriptors_are_kept(extractor):
    static = extractor.meta.columns[:49]
    groups = {"audSpec_Rfilt_sma[": 9, "pcm_fftMag_": 15, "mfcc_sma[": 15}
    for prefix, count in groups.items():
        assert sum(name.startswith(prefix) for name in static) == count, prefix
    assert [n for n in static if n.startswith("audSpec_Rfilt")] == [f"audSpec_Rfilt_sma[{i}]" for i in range(0, 26, 3)]
    assert {f"mfcc_sma[{i}]" for i in range(15)} <= set(static)
    assert {f"{name}_sma" for name in SEGMENT_ONLY} <= set(static)


def test_static_columns_are_openSMILEs_own(columns, compare, extractor):
    for name in extractor.kept:
        np.testing.assert_array_equal(columns[name], compare[name].to_numpy(), err_msg=name)


def test_first_derivatives_are_openSMILEs_own(columns, extractor, sound):
    level = opensmile.FeatureLevel.LowLevelDescriptors_Deltas
    own = opensmile.Smile(opensmile.FeatureSet.ComParE_2016, level).process_signal(sound, AUDIO_HZ)
    checked = [name for name in extractor.kept if not name.startswith(SEGMENT_ONLY)]
    assert len(checked) == 48 - len(SEGMENT_ONLY)
    for name in checked:
        theirs, ours = own[name.replace("_sma", "_sma_de")].to_numpy(), columns[f"{name}_de"]
        # the last two frames see frames of openSMILE's that our common end cuts off
        inside = slice(0, len(ours) - 2)
        np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-4 * np.abs(theirs).max(), err_msg=name)


def test_second_derivatives_are_derivatives_of_the_first(columns, extractor):
    for name in extractor.meta.columns[:49]:
        first = columns[f"{name}_de"].astype(np.float64)
        direct = [
            (2 * (first[t + 2] - first[t - 2]) + first[t + 1] - first[t - 1]) / 10 for t in range(2, len(first) - 2)
        ]
        np.testing.assert_allclose(
            columns[f"{name}_dede"][2:-2], direct, atol=1e-5 * (np.abs(first).max() + 1e-6), err_msg=name
        )


def test_mfcc_0_comes_from_the_settings_that_give_compares_mfcc_1_to_14(columns, compare, sound, tmp_path):
    conf = tmp_path / "mfcc.conf"
    conf.write_text(lld147._configuration().replace("lastMfcc = 0", "lastMfcc = 14"), encoding="ascii")
    found = opensmile.Smile(str(conf), "lld").process_signal(sound, AUDIO_HZ).to_numpy()
    # HTK order: MFCC 0 stands last
    for number in range(1, 15):
        theirs = compare[f"mfcc_sma[{number}]"].to_numpy()
        np.testing.assert_allclose(found[: len(theirs), number - 1], theirs, atol=1e-3)
    ours = columns["mfcc_sma[0]"]
    np.testing.assert_allclose(ours, found[: len(ours), 14], rtol=1e-6)


def test_mfcc_0_is_the_level(extractor, sound):
    """Ten times the pressure is 2 ln 10 more in every log band of power: sqrt(2 / 26) * 26 * 2 ln 10 in MFCC 0."""
    at = extractor.meta.columns.index("mfcc_sma[0]")
    quiet, loud = (features(extractor, np.float32(gain) * sound).values[:, at] for gain in (0.1, 1.0))
    np.testing.assert_allclose(loud - quiet, np.sqrt(2 / 26) * 26 * 2 * np.log(10), rtol=2e-3)


def test_pitch_of_the_buzz(columns):
    pitch = columns["F0final_sma"][5:35]
    np.testing.assert_allclose(pitch, 150, rtol=0.01)


@pytest.mark.parametrize(("seconds", "frames"), [(0.08, 3), (0.5, 45), (1.0, 95)])
def test_frames_and_times(extractor, sound, seconds, frames):
    found = features(extractor, sound[: round(seconds * AUDIO_HZ)])
    assert frames <= len(found.values) <= frames + 2
    np.testing.assert_allclose(found.times, 0.03 + 0.01 * np.arange(len(found.times)))
    assert found.times[-1] <= seconds


@pytest.mark.parametrize("count", [0, 1, 400, 1279])
def test_too_short(extractor, sound, count):
    with pytest.raises(ClipError) as caught:
        features(extractor, sound[:count])
    assert caught.value.reason == "too_short"


@pytest.mark.parametrize("make", [np.zeros, lambda n: np.full(n, 0.5), lambda n: np.where(np.arange(n) % 2, 1.0, -1.0)])
def test_odd_sound_gives_finite_values_where_observed(extractor, make):
    found = features(extractor, make(8000).astype(np.float32))
    assert np.isfinite(found.values[found.mask]).all()
    assert found.mask.any()


def song(seconds: float) -> np.ndarray:
    """Syllables of changing pitch and level, some of them noise, with pauses of digital silence."""
    rng = np.random.default_rng(2017)
    syllables: list[np.ndarray] = []
    while sum(map(len, syllables)) < seconds * AUDIO_HZ:
        count = int(rng.integers(1500, 6000))
        phase = np.cumsum(rng.uniform(80, 300) * np.linspace(1, rng.uniform(0.8, 1.3), count)) / AUDIO_HZ
        voice = sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, 12))
        kind = [voice, rng.standard_normal(count), np.zeros(count)][rng.choice(3, p=[0.6, 0.25, 0.15])]
        syllables.append(rng.uniform(0.02, 0.2) * np.hanning(count) * kind)
    return np.concatenate(syllables)[: round(seconds * AUDIO_HZ)].astype(np.float32)


def test_pieces_of_a_long_clip_are_those_of_the_whole(extractor, monkeypatch):
    """Pieces of 1 s: those after the fifth begin in mid-clip."""
    sound = song(6.1)
    whole = features(extractor, sound)
    monkeypatch.setattr(lld147, "PIECE_S", 1.0)
    monkeypatch.setattr(lld147, "ROWS", 70)
    blocks = list(extractor(Audio.of(sound, 5000)))
    found = joined(blocks)
    assert [len(block.values) for block in blocks[:3]] == [66, 30, 70], "what the derivatives need comes with the next"
    np.testing.assert_array_equal(found.times, whole.times)
    np.testing.assert_array_equal(found.mask, whole.mask)
    static = slice(0, 49)
    deviation = whole.values[:, static].std(axis=0)
    assert (np.abs(found.values[:, static] - whole.values[:, static]) <= 1e-5 * deviation).all()
    assert (np.abs(found.values - whole.values) <= 1e-5 * np.tile(deviation, 3)).all()


def test_less_sound_before_a_piece_would_show(extractor, monkeypatch):
    sound = song(4.0)
    whole = features(extractor, sound).values
    monkeypatch.setattr(lld147, "PIECE_S", 1.0)
    monkeypatch.setattr(lld147, "BEFORE", AUDIO_HZ // 2)
    found = features(extractor, sound).values
    assert (np.abs(found - whole)[:, :49].max(axis=0) / whole[:, :49].std(axis=0)).max() > 1e-2


@pytest.mark.parametrize("count", [1 * AUDIO_HZ, 1 * AUDIO_HZ + 1, 1 * AUDIO_HZ + 500, 2 * AUDIO_HZ - 1])
def test_a_rest_of_any_length_has_the_frames_of_the_whole(extractor, monkeypatch, count):
    sound = song(2.0)[:count]
    whole = features(extractor, sound)
    monkeypatch.setattr(lld147, "PIECE_S", 1.0)
    found = features(extractor, sound)
    np.testing.assert_array_equal(found.times, whole.times)
