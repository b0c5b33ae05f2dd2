"""egemaps against openSMILE itself, and what is done where eGeMAPS is undefined."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.audio import egemaps, functionals
from pipeline.audio.egemaps import PITCH
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, joined
from pipeline.engine.code_digest import code_digest, imported_files, module_files
from pipeline.features.extractors.egemaps import Extractor, Params
from pipeline.media.audio_blocks import Audio

opensmile = pytest.importorskip("opensmile")

GROUPS = {"F0semitone": 10, "loudness_": 10, "mfcc": 16, "F1": 6, "F2": 6, "F3": 6, "jitter": 2, "shimmer": 2, "HNR": 2}
"""How many columns begin with a name."""


def buzz(seconds: float = 1.0, hz: float = 150.0) -> np.ndarray:
    """A voice-like sound: eleven harmonics and a little noise."""
    t = np.arange(round(seconds * AUDIO_HZ)) / AUDIO_HZ
    noise = np.random.default_rng(2017).standard_normal(len(t))
    return (0.15 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 12)) + 0.003 * noise).astype(np.float32)


def noise(seconds: float = 1.0) -> np.ndarray:
    """Sound without voice."""
    return (0.1 * np.random.default_rng(5).standard_normal(round(seconds * AUDIO_HZ))).astype(np.float32)


def tone_and_noise() -> np.ndarray:
    """A tone of 220 Hz and noise, on the grid of 16 bit, with full scale as its peak."""
    t = np.arange(AUDIO_HZ) / AUDIO_HZ
    sound = np.sin(2 * np.pi * 220 * t) * (t < 0.7) + 0.05 * np.random.default_rng(1).standard_normal(AUDIO_HZ)
    return np.rint(sound / np.abs(sound).max() * 32767).astype(np.int16)


def features(extractor: Extractor, samples: np.ndarray) -> ClipFeatures:
    return joined(extractor(Audio.of(samples)))


def as_16_bit(samples: np.ndarray, normalise: str) -> np.ndarray:
    return functionals.as_16_bit(samples, functionals.scale_of(float(np.abs(samples).max()), normalise))


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor(Params())


@pytest.fixture(scope="module")
def reference() -> opensmile.Smile:
    """openSMILE as its own documentation uses it."""
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )


def test_columns_are_the_88_by_openSMILEs_names(extractor: Extractor, reference: opensmile.Smile) -> None:
    names = extractor.meta.columns
    assert list(names) == reference.feature_names
    assert len(names) == len(set(names)) == 88
    for prefix, count in GROUPS.items():
        assert sum(name.startswith(prefix) for name in names) == count, prefix


@pytest.mark.parametrize("normalise", ["peak", "none"])
def test_values_are_openSMILEs_own(reference: opensmile.Smile, normalise: str) -> None:
    sound = (tone_and_noise() / 32768).astype(np.float32)
    found = features(Extractor(Params(normalise=normalise)), sound)
    np.testing.assert_array_equal(found.values, reference.process_signal(sound, AUDIO_HZ).to_numpy())
    assert found.mask.tolist() == [True]
    assert found.times.tolist() == [0.5]


def test_values_are_those_of_the_same_sound_in_a_16_bit_file(
    extractor: Extractor, reference: opensmile.Smile, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "tone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(AUDIO_HZ)
        file.writeframes(tone_and_noise().astype("<i2").tobytes())
    expected = reference.process_file(str(tmp_path / "tone.wav")).to_numpy()
    np.testing.assert_array_equal(features(extractor, (tone_and_noise() / 65536).astype(np.float32)).values, expected)


@pytest.mark.parametrize("hz", [90, 150, 220, 330])
def test_pitch_is_in_semitones_above_27_5_hz(extractor: Extractor, hz: int) -> None:
    found = dict(zip(extractor.meta.columns, features(extractor, buzz(hz=hz)).values[0], strict=True))
    assert found["F0semitoneFrom27.5Hz_sma3nz_amean"] == pytest.approx(12 * np.log2(hz / 27.5), abs=0.1)
    assert found["MeanVoicedSegmentLengthSec"] > 0.8


@pytest.mark.parametrize("gain", [0.5, 0.125, 2.0, -1.0])
def test_a_gain_that_keeps_every_digit_changes_nothing(extractor: Extractor, gain: float) -> None:
    grid = as_16_bit(buzz(), "peak")
    np.testing.assert_array_equal(as_16_bit(np.float32(gain) * buzz(), "peak"), np.sign(gain) * grid)
    if gain > 0:
        np.testing.assert_array_equal(
            features(extractor, np.float32(gain) * buzz()).values, features(extractor, buzz()).values
        )


@pytest.mark.parametrize("gain", [0.3, 0.01, 1.7])
def test_other_gains_change_no_more_than_the_last_bit(extractor: Extractor, gain: float) -> None:
    loud, other = (as_16_bit(np.float32(g) * buzz(), "peak") for g in (1, gain))
    assert np.abs(loud - other).max() <= 1 / 32768
    found, expected = features(extractor, np.float32(gain) * buzz()).values, features(extractor, buzz()).values
    np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-3)


def test_without_normalisation_the_level_is_heard() -> None:
    plain = Extractor(Params(normalise="none"))
    level = plain.meta.columns.index("equivalentSoundLevel_dBp")
    loud, quiet = (features(plain, np.float32(gain) * buzz()).values[0, level] for gain in (1.0, 0.1))
    assert loud - quiet == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize("normalise", ["peak", "none"])
def test_full_scale_does_not_wrap_round(reference: opensmile.Smile, normalise: str) -> None:
    clipped = np.clip(8 * buzz(), -1, 1).astype(np.float32)
    assert (clipped == 1).any()
    found = features(Extractor(Params(normalise=normalise)), clipped).values
    below = reference.process_signal((clipped * np.float32(0.999)), AUDIO_HZ).to_numpy()
    raw = reference.process_signal(clipped, AUDIO_HZ).to_numpy()
    at = reference.feature_names.index("HNRdBACF_sma3nz_amean")
    assert found[0, at] == pytest.approx(below[0, at], abs=0.05)
    assert abs(raw[0, at] - below[0, at]) > 1, "openSMILE itself wraps: once it does not, this guard can go"


@pytest.mark.parametrize("normalise", ["peak", "none"])
@pytest.mark.parametrize("sound", [[1.0, -1.0, 0.5], [1e-3, -1e-3, 0.0], [-1.0, 0.25, 0.0]])
def test_samples_lie_on_the_grid_of_16_bit(sound: list[float], normalise: str) -> None:
    found = as_16_bit(np.array(sound, np.float32), normalise)
    assert found.dtype == np.float32
    assert (found * 32768 == np.rint(found * 32768)).all()
    assert found.min() >= -1
    assert found.max() < 1
    if normalise == "peak":
        assert np.abs(found).max() == 32767 / 32768


@pytest.mark.parametrize("make", [noise, lambda: np.full(8000, 0.5, np.float32), lambda: 1e-3 * noise()])
def test_sound_without_voice_costs_the_clip(extractor: Extractor, make) -> None:
    with pytest.raises(ClipError) as caught:
        features(extractor, make())
    assert caught.value.reason == "no_voice"
    assert "no voiced frame in " in caught.value.detail


@pytest.mark.parametrize(("normalise", "level"), [("peak", 0.0), ("none", 0.0), ("none", 1e-5)])
def test_silence_costs_the_clip(normalise: str, level: float) -> None:
    with pytest.raises(ClipError, match="digital silence in 16 bit") as caught:
        features(Extractor(Params(normalise=normalise)), np.float32(level) * np.sign(buzz()))
    assert caught.value.reason == "silent"


@pytest.mark.parametrize("count", [0, 1, 959, 1599])
def test_too_short(extractor: Extractor, count: int) -> None:
    with pytest.raises(ClipError) as caught:
        features(extractor, buzz()[:count])
    assert caught.value.reason == "too_short"


@pytest.mark.parametrize("hz", [90, 150, 220, 330])
@pytest.mark.parametrize("ms", [100, 105, 130])
def test_the_shortest_sound_has_its_pitch(extractor: Extractor, hz: int, ms: int) -> None:
    found = features(extractor, buzz(hz=hz)[: 16 * ms])
    assert np.isfinite(found.values).all()
    assert found.values[0, extractor.meta.columns.index(PITCH)] == pytest.approx(12 * np.log2(hz / 27.5), abs=0.1)


def test_sound_that_is_voiced_throughout_is_kept_with_zeros_for_the_unvoiced_columns(extractor: Extractor) -> None:
    found = dict(zip(extractor.meta.columns, features(extractor, buzz()).values[0], strict=True))
    unvoiced = [value for name, value in found.items() if "UV" in name]
    assert (unvoiced, found["MeanUnvoicedSegmentLength"]) == ([0] * 5, 0)


def test_windows_are_rows_in_order_and_a_rest_is_left_out(reference: opensmile.Smile) -> None:
    extractor = Extractor(Params(window_s=0.5))
    sound = np.concatenate([buzz(0.5, 150), 0.5 * buzz(0.5, 220), buzz(0.3, 330)])
    found = features(extractor, sound)
    assert extractor.meta.rate_hz == 2
    assert found.times.tolist() == [0.25, 0.75]
    grid = as_16_bit(sound, "peak")
    expected = [reference.process_signal(grid[i : i + 8000], AUDIO_HZ).to_numpy()[0] for i in (0, 8000)]
    np.testing.assert_array_equal(found.values, expected)
    np.testing.assert_allclose(
        found.values[:, extractor.meta.columns.index(PITCH)], 12 * np.log2(np.array([150, 220]) / 27.5), atol=0.1
    )


def test_a_window_without_voice_is_masked(extractor: Extractor) -> None:
    found = features(
        Extractor(Params(window_s=0.5)), np.concatenate([noise(0.5), buzz(0.5), np.zeros(8000, np.float32)])
    )
    assert found.mask.tolist() == [False, True, False]
    assert np.isnan(found.values[~found.mask]).all()
    assert np.isfinite(found.values[found.mask]).all()


def test_sound_below_one_window_is_one_row(extractor: Extractor) -> None:
    found = features(Extractor(Params(window_s=3)), buzz(0.4))
    np.testing.assert_array_equal(found.values, features(extractor, buzz(0.4)).values)
    assert found.times.tolist() == [0.2]


@pytest.mark.parametrize("block_s", [0.1, 0.5, 0.7])
def test_windows_of_a_long_clip_are_those_of_the_whole(monkeypatch, block_s: float) -> None:
    """The loudest sample stands in the last window, which the first must know of."""
    sound = np.concatenate([0.3 * buzz(0.6, 150), noise(0.3), 0.2 * buzz(0.3, 220), buzz(0.25, 330)])
    extractor = Extractor(Params(window_s=0.2))
    whole = features(extractor, sound)
    monkeypatch.setattr(functionals, "PIECE_S", block_s)
    blocks = list(extractor(Audio.of(sound, 3000)))
    assert len(blocks) == {0.1: 7, 0.5: 4, 0.7: 3}[block_s]
    found = joined(blocks)
    assert whole.mask.tolist() == [True, True, True, False, True, True, True]
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(found.arrays()[name], array)


def test_a_whole_clip_in_blocks_is_one_row(extractor: Extractor) -> None:
    (block,) = extractor(Audio.of(buzz(0.5), 1000))
    np.testing.assert_array_equal(block.values, features(extractor, buzz(0.5)).values)


def test_a_whole_clip_has_no_rate(extractor: Extractor) -> None:
    assert extractor.meta.rate_hz == 0


@pytest.mark.parametrize("setting", [{"normalise": "rms"}, {"window_s": 0.05}, {"window_s": 0}])
def test_settings_that_make_no_sense_are_refused(setting: dict) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate(setting)


def test_the_extractors_version_covers_the_shared_functionals() -> None:
    files = imported_files(module_files("pipeline.features.extractors.egemaps"))
    assert Path(egemaps.__file__) in files
    assert code_digest("pipeline.features.extractors.egemaps") != code_digest("pipeline.audio.egemaps")
