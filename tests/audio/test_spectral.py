"""`pipeline.audio.spectral`: derivatives, context and normalisation against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.audio import spectral as signal
from pipeline.audio.spectral import (
    AUDIO_HZ,
    Frames,
    LogMelParams,
    MfccParams,
    cepstra,
    context,
    deltas,
    mfcc39,
    normalise_utterance,
    with_derivatives,
)
from pipeline.core.moments import moments

FINITE = st.floats(-1e3, 1e3, width=32)
MATRICES = arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 4)), elements=FINITE)


def by_equation_1(values: np.ndarray, reach: int) -> np.ndarray:
    """Zhang et al. 2017, eq. (1), frame by frame; beyond the ends stands the end."""

    def c(t: int) -> np.ndarray:
        return values[min(max(t, 0), len(values) - 1)]

    below = 2 * sum(n**2 for n in range(1, reach + 1))
    return np.array([sum(n * (c(t + n) - c(t - n)) for n in range(1, reach + 1)) / below for t in range(len(values))])


@settings(deadline=None)
@given(MATRICES, st.integers(1, 4))
def test_deltas_are_equation_1(values, reach):
    np.testing.assert_allclose(deltas(values, reach), by_equation_1(values, reach), atol=1e-9)


@settings(deadline=None)
@given(st.floats(-50, 50), st.floats(-100, 100), st.integers(1, 3), st.integers(9, 30))
def test_a_ramp_has_its_slope_inside_and_no_bend(slope, offset, reach, count):
    ramp = (slope * np.arange(count) + offset)[:, None]
    first = deltas(ramp, reach)
    np.testing.assert_allclose(first[reach:-reach], slope, atol=1e-9)
    np.testing.assert_allclose(deltas(first, reach)[2 * reach : -2 * reach], 0, atol=1e-9)


@settings(deadline=None)
@given(FINITE, st.integers(1, 20), st.integers(1, 4))
def test_a_constant_has_none(value, count, reach):
    assert not deltas(np.full((count, 2), value), reach).any()


@settings(deadline=None)
@given(MATRICES, st.floats(-5, 5))
def test_deltas_are_linear_and_change_sign_backwards(values, gain):
    np.testing.assert_allclose(deltas(gain * values), gain * deltas(values), atol=1e-8)
    np.testing.assert_allclose(deltas(values[::-1]), -deltas(values)[::-1], atol=1e-8)


def test_with_derivatives_stands_side_by_side():
    values = np.random.default_rng(0).standard_normal((9, 2))
    found = with_derivatives(values)
    np.testing.assert_array_equal(found[:, :2], values)
    np.testing.assert_array_equal(found[:, 2:4], deltas(values))
    np.testing.assert_array_equal(found[:, 4:], deltas(deltas(values)))


@pytest.mark.parametrize(
    ("reach", "expected"),
    [
        (0, [[1], [2], [3]]),
        (1, [[1, 1, 2], [1, 2, 3], [2, 3, 3]]),
        (2, [[1, 1, 1, 2, 3], [1, 1, 2, 3, 3], [1, 2, 3, 3, 3]]),
    ],
)
def test_context(reach, expected):
    np.testing.assert_array_equal(context(np.array([[1], [2], [3]]), reach), expected)


@given(MATRICES, st.integers(0, 3))
def test_context_holds_the_frame_itself_in_the_middle(values, reach):
    found = context(values, reach)
    columns = values.shape[1]
    assert found.shape == (len(values), columns * (2 * reach + 1))
    np.testing.assert_array_equal(found[:, reach * columns : (reach + 1) * columns], values)


@settings(deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(2, 30), st.integers(1, 3)), elements=st.floats(-100, 100)))
def test_normalised_utterance(values):
    found = normalise_utterance(values)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-3)
    for before, after in zip(values.std(axis=0), found.std(axis=0), strict=True):
        assert after == pytest.approx(1, abs=1e-3) if before > 1e-4 else after <= 1 + 1e-3


def test_a_constant_column_becomes_zero():
    np.testing.assert_array_equal(normalise_utterance(np.full((5, 2), 3.0, np.float32)), np.zeros((5, 2)))


@settings(deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=9), st.floats(-1e6, 1e6), st.integers(0, 2**32 - 1))
def test_moments_of_blocks_are_those_of_all_rows(lengths, level, seed):
    lengths[0] += 1
    rows = level + np.random.default_rng(seed).standard_normal((sum(lengths), 3))
    mean, deviation = moments(np.split(rows, np.cumsum(lengths)[:-1]))
    np.testing.assert_allclose(mean, rows.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(deviation, rows.std(axis=0), rtol=1e-8, atol=1e-8)


def test_a_long_utterance_is_normalised_as_a_whole(monkeypatch):
    rows = (100 + 30 * np.random.default_rng(0).standard_normal((1000, 4))).astype(np.float32)
    whole = normalise_utterance(rows)
    monkeypatch.setattr(signal, "NORMAL_ROWS", 96)
    np.testing.assert_allclose(normalise_utterance(rows), whole, atol=1e-6)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_mfcc_frames_lie_wholly_inside_the_sound(samples, frames):
    values, times = mfcc39(np.random.default_rng(0).standard_normal(samples).astype(np.float32), MfccParams())
    assert values.shape == (frames, 39)
    assert values.dtype == np.float32
    np.testing.assert_allclose(times, 0.0125 + 0.01 * np.arange(frames))


def test_mfcc_of_one_frame_by_hand():
    """Hamming window, power spectrum, mel bands, dB, DCT-II: every step by NumPy and SciPy."""
    import librosa
    from scipy.fft import dct
    from scipy.signal.windows import hamming

    params = MfccParams()
    sound = np.random.default_rng(3).standard_normal(400).astype(np.float32)
    power = np.abs(np.fft.rfft(sound * hamming(400, sym=False), 512)) ** 2
    bands = (
        librosa.filters.mel(sr=AUDIO_HZ, n_fft=512, n_mels=params.mels, fmin=params.low_hz, fmax=params.high_hz) @ power
    )
    level = 10 * np.log10(np.maximum(bands, 1e-10))
    expected = dct(level, norm="ortho")[:13]
    np.testing.assert_allclose(mfcc39(sound, params)[0][0, :13], expected, rtol=1e-3, atol=1e-3)


def test_a_loud_frame_changes_no_other():
    """librosa's own MFCC holds every level up to 80 dB below the clip's loudest."""
    quiet = (1e-4 * np.random.default_rng(0).standard_normal(16000)).astype(np.float32)
    loud = quiet.copy()
    loud[:400] = 0.9
    np.testing.assert_array_equal(cepstra(quiet, MfccParams())[3:], cepstra(loud, MfccParams())[3:])


def test_digital_silence_is_the_floor():
    np.testing.assert_allclose(cepstra(np.zeros(800, np.float32), MfccParams())[:, 0], -100 * np.sqrt(40), rtol=1e-6)


@pytest.mark.parametrize(
    ("window_ms", "hop_ms", "step", "overlap"),
    [(25, 10, 480_000, 240), (20, 20, 480_000, 0), (10, 30, 480_000, 0), (25, 7, 479_920, 288)],
)
def test_a_block_holds_whole_hops(window_ms, hop_ms, step, overlap):
    frames = Frames(LogMelParams(window_ms=window_ms, hop_ms=hop_ms))
    assert (frames.step(30.0), frames.overlap) == (step, overlap)
    assert frames.step(0.001) == frames.hop, "one at least"


def test_times_go_on_from_block_to_block():
    frames = Frames(MfccParams())
    np.testing.assert_array_equal(np.concatenate([frames.times(300), frames.times(77, 300)]), frames.times(377))


def test_mfcc_times_are_where_a_click_is():
    sound = np.full(16000, 1e-4, np.float32) * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    sound[8000:8016] = 0.9
    values, times = mfcc39(sound, MfccParams())
    assert abs(times[values[:, 0] > values[:, 0].min() + 0.5 * np.ptp(values[:, 0])].mean() - 0.5) < 0.006


@pytest.mark.parametrize("coefficients", [2, 13, 20])
def test_mfcc_has_three_times_its_coefficients(coefficients):
    values, _ = mfcc39(
        np.random.default_rng(0).standard_normal(4000).astype(np.float32), MfccParams(coefficients=coefficients)
    )
    assert values.shape[1] == 3 * coefficients
