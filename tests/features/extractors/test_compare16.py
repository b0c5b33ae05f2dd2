"""compare16 against openSMILE itself."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError
from pipeline.core.store import joined
from pipeline.features.extractors.compare16 import SET, Extractor, Params
from pipeline.media.audio_blocks import Audio

opensmile = pytest.importorskip("opensmile")


def buzz(seconds: float = 0.5, hz: float = 150.0) -> np.ndarray:
    """A voice-like sound on the grid of 16 bit: eleven harmonics and a little noise."""
    t = np.arange(round(seconds * AUDIO_HZ)) / AUDIO_HZ
    sound = sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 12)) / 8
    sound = sound + 0.005 * np.random.default_rng(2016).standard_normal(len(t))
    return (np.rint(sound * 2**15) / 2**15).astype(np.float32)


@pytest.fixture(scope="module")
def reference():
    return opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.Functionals)


def test_values_and_names_are_openSMILEs_own(reference) -> None:
    expected = reference.process_signal(buzz(), AUDIO_HZ)
    found = joined(Extractor(Params(normalise="none"))(Audio.of(buzz(), 999)))
    assert Extractor(Params()).meta.columns == tuple(expected.columns)
    assert len(expected.columns) == 6373
    np.testing.assert_array_equal(found.values, expected.to_numpy(np.float32))
    assert found.mask.tolist() == [True]
    np.testing.assert_allclose(found.times, 0.25)


def test_windows_are_rows(reference) -> None:
    sound = np.concatenate([buzz(0.3), buzz(0.3, 220)])
    extractor = Extractor(Params(normalise="none", window_s=0.3))
    found = joined(extractor(Audio.of(sound)))
    np.testing.assert_array_equal(found.values[1], reference.process_signal(sound[4800:], AUDIO_HZ).to_numpy()[0])
    assert extractor.meta.rate_hz == pytest.approx(1 / 0.3)


def test_the_voiced_column_is_the_pitch() -> None:
    found = joined(Extractor(Params())(Audio.of(buzz(hz=200)))).values[0]
    assert found[SET.columns.index(SET.voiced)] == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (0.1 * np.random.default_rng(0).standard_normal(8000), "no_voice"),
        (np.zeros(8000), "silent"),
        (buzz(0.09), "too_short"),
    ],
)
def test_where_it_is_undefined_the_clip_is_lost(sound: np.ndarray, reason: str) -> None:
    with pytest.raises(ClipError) as caught:
        list(Extractor(Params())(Audio.of(sound.astype(np.float32))))
    assert caught.value.reason == reason
    assert "eGeMAPS" not in caught.value.detail
