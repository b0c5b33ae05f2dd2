"""`pipeline.features.segments.windows`: the grid in time, cutting, and the three channels of Zhang et al. 2017, section
III.A.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.audio.spectral import AUDIO_HZ, LogMelParams, log_mel
from pipeline.core.store import ClipFeatures
from pipeline.features.segments.windows import WindowParams, channels, cut, pieces

PAPER = WindowParams()


def test_a_window_lasts_655_ms():
    assert PAPER.seconds == pytest.approx(0.655)
    assert WindowParams(length=15, shift=7).seconds == pytest.approx(0.165)  # "15 frames (about 165 ms)"


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        pytest.param(64, [0], id="one window exactly"),
        pytest.param(93, [0], id="one frame less than two windows"),
        pytest.param(94, [0, 30], id="two"),
        pytest.param(198, [0, 30, 60, 90, 120], id="2 s"),
        pytest.param(63, [0], id="shorter than a window: one all the same"),
        pytest.param(1, [0], id="a single frame"),
    ],
)
def test_windows_lie_wholly_in_the_clip(frames, expected):
    assert PAPER.starts(frames).tolist() == expected


@pytest.mark.parametrize(
    ("seconds", "frames"),
    [(0.655, 64), (0.6549, 63), (2.0, 198), (0.025, 1), (0.024, 0), (0.0, 0), (0.035, 2), (30.0, 2998)],
)
def test_frames_of_a_time_are_those_that_sound_of_that_time_has(seconds, frames):
    assert PAPER.frames(seconds) == frames
    sound = np.random.default_rng(0).standard_normal(round(seconds * AUDIO_HZ)).astype(np.float32)
    assert len(log_mel(sound, LogMelParams())[0]) == frames


def test_begins_and_centres():
    starts = PAPER.starts(130)
    np.testing.assert_allclose(PAPER.begins(starts), [0, 0.3, 0.6])
    np.testing.assert_allclose(PAPER.centres(starts), [0.3275, 0.6275, 0.9275])


@pytest.mark.parametrize(
    ("rows", "start", "length", "expected"),
    [
        ([1, 2, 3, 4], 1, 2, [2, 3]),
        ([1, 2], 0, 5, [1, 1, 2, 2, 2]),
        ([7], 0, 4, [7, 7, 7, 7]),
        ([1, 2, 3], 0, 4, [1, 2, 3, 3]),
    ],
)
def test_a_short_piece_is_repeated_at_its_ends(rows, start, length, expected):
    assert cut(np.array(rows, float)[:, None], start, length)[:, 0].tolist() == expected


def spans_of(draw_steps: list[tuple[int, int]], count: int) -> list[tuple[int, int]]:
    """Spans within `count` rows whose firsts and ends never decrease."""
    spans, first, end = [], 0, 0
    for step, longer in draw_steps:
        first = min(first + step, count)
        end = min(max(end, first) + longer, count)
        spans.append((first, end))
    return spans


@given(st.integers(1, 60), st.integers(1, 70), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12)), max_size=20))
def test_pieces_are_those_of_the_whole_clip_whatever_the_blocks(count, rows, steps):
    clip = ClipFeatures(np.arange(count, dtype=np.float32)[:, None], np.zeros(count), np.ones(count, bool))
    spans = spans_of(steps, count)
    found = [piece[:, 0].tolist() for piece in pieces(clip, spans, rows, lambda block: block.values)]
    assert found == [list(range(first, end)) for first, end in spans]


class Read:
    """A clip that tells which blocks were asked for."""

    def __init__(self, count: int) -> None:
        self.read: list[int] = []
        self.count = count

    def blocks(self, rows: int):
        for start in range(0, self.count, rows):
            self.read.append(start)
            part = np.arange(start, start + rows)
            yield ClipFeatures(part[:, None].astype(np.float32), part / 10, np.ones(rows, bool))


def test_a_piece_is_read_when_it_is_asked_for():
    clip = Read(100)
    cut_up = pieces(clip, [(0, 5), (8, 12), (50, 60), (55, 60)], 10, lambda block: block.values)
    assert clip.read == []
    assert [len(next(cut_up)), clip.read] == [5, [0]]
    assert [len(next(cut_up)), clip.read] == [4, [0, 10]]
    assert next(cut_up)[:, 0].tolist() == list(range(50, 60))
    assert clip.read == [0, 10, 20, 30, 40, 50]
    assert next(cut_up)[:, 0].tolist() == list(range(55, 60))
    assert list(cut_up) == []
    assert len(clip.read) == 6


def direct_sum(x: np.ndarray, reach: int) -> np.ndarray:
    """Eq. (1) as it is printed, N = `reach`, with the first and last frame repeated."""
    at = lambda t: x[min(max(t, 0), len(x) - 1)]  # noqa: E731
    steps = range(1, reach + 1)
    return np.stack(
        [sum(n * (at(t + n) - at(t - n)) for n in steps) / (2 * sum(n * n for n in steps)) for t in range(len(x))]
    )


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 70), st.integers(1, 8), st.integers(0, 2**32 - 1), st.sampled_from([2, 4]))
def test_channels_are_eq_1_within_the_window(length, bands, seed, reach):
    window = np.random.default_rng(seed).standard_normal((length, bands))
    found = channels(window, reach)
    assert found.shape == (3, bands, length)
    delta = direct_sum(window, reach)
    for channel, expected in zip(found, (window, delta, direct_sum(delta, reach)), strict=True):
        np.testing.assert_allclose(channel, expected.T, atol=1e-6)


def tone(hz: float, seconds: float = 0.655) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * AUDIO_HZ)) / AUDIO_HZ)).astype(np.float32)


def band_of(hz: float) -> int:
    """The band whose triangle peaks nearest, on librosa's (Slaney's) mel scale."""
    import librosa

    centres = librosa.mel_frequencies(66, fmin=20, fmax=8000)[1:-1]
    return int(np.abs(centres - hz).argmin())


@pytest.mark.parametrize("hz", [200, 440, 1000, 3000, 7000])
def test_a_tone_is_one_line_that_does_not_change(hz):
    values, _ = log_mel(tone(hz), LogMelParams())
    picture = channels(values)
    assert picture.shape == (3, 64, 64)
    assert abs(int(np.median(picture[0].argmax(axis=0))) - band_of(hz)) <= 1
    line = picture[0].max(axis=0)
    assert np.ptp(line) < 0.2
    assert np.abs(picture[1][band_of(hz)]).max() < 0.05
    assert np.abs(picture[2][band_of(hz)]).max() < 0.05


def test_a_rising_chirp_climbs_through_the_bands_at_its_own_rate():
    seconds = 0.655
    t = np.arange(round(seconds * AUDIO_HZ)) / AUDIO_HZ
    low, high = 500.0, 4000.0
    sound = (0.5 * np.sin(2 * np.pi * (low * t + (high - low) * t**2 / (2 * seconds)))).astype(np.float32)
    values, times = log_mel(sound, LogMelParams())
    ridge = channels(values)[0].argmax(axis=0)
    expected = [band_of(low + (high - low) * time / seconds) for time in times]
    assert np.abs(ridge - expected).max() <= 1
    # where the ridge arrives the power rises, where it has left it falls
    delta = channels(values)[1]
    assert delta[expected[40], 38] > 0.5
    assert delta[expected[40], 42] < -0.5
