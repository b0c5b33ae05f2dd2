"""`pipeline.media.audio_timeline`: sound lies where its timestamps say."""

from __future__ import annotations

from functools import partial

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ClipError
from pipeline.media.audio_timeline import AudioTimeline, check_audio, in_blocks
from pipeline.media.downmix import RESAMPLED

RATE = 8000


def frame(count: int, value: float = 0.5, rate: int = RATE, channels: int = 1) -> av.AudioFrame:
    layout = "mono" if channels == 1 else "stereo"
    result = av.AudioFrame.from_ndarray(np.full((channels, count), value, np.float32), format="fltp", layout=layout)
    result.sample_rate = rate
    return result


def axis_of(
    *pieces: tuple[av.AudioFrame | None, float | None], first: int = 0, last: int | None = None
) -> AudioTimeline:
    axis = AudioTimeline(partial(av.AudioResampler, format=RESAMPLED, rate=RATE), RATE, first, last)
    for piece, time in (*pieces, (None, None)):
        axis.add(piece, time)
    return axis


def taken(axis: AudioTimeline) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.float32), *axis.take()])


def test_a_hole_is_silence_of_its_length():
    sound = taken(axis_of((frame(800), 0.0), (frame(800), 0.3)))
    assert len(sound) == 3200
    assert (sound[:800] == 0.5).all()
    assert not sound[800:2400].any()
    assert (sound[2400:] == 0.5).all()


@pytest.mark.parametrize("time", [0.101, 0.15, 0.05, None, 5000.0])
def test_rounding_overlap_and_broken_timestamps_leave_no_hole(time):
    sound = taken(axis_of((frame(800), 0.0), (frame(800), time)))
    assert len(sound) == 1600
    assert (sound == 0.5).all()


def test_sound_before_time_zero_is_dropped():
    assert len(taken(axis_of((frame(800), -0.05)))) == 400


def test_another_rate_or_layout_in_mid_stream():
    sound = taken(axis_of((frame(800), 0.0), (frame(1600, rate=16000), 0.1), (frame(800, channels=2), 0.2)))
    assert abs(len(sound) - 2400) <= 2
    assert np.abs(sound[1700:] - 0.5).max() < 1e-6


def test_only_the_span_is_kept():
    pieces = [(frame(800, value), 0.1 * i) for i, value in enumerate((0.1, 0.2, 0.3, 0.4))]
    axis = axis_of(*pieces, first=1000, last=2000)
    assert np.allclose(taken(axis), [0.2] * 600 + [0.3] * 400)
    assert axis.full


def test_what_was_taken_is_not_kept():
    axis = AudioTimeline(partial(av.AudioResampler, format=RESAMPLED, rate=RATE), RATE)
    lengths = []
    for number in range(5):
        axis.add(frame(800), 0.1 * number)
        lengths.append(len(taken(axis)))
    assert lengths == [800] * 5
    assert axis.take() == []


def test_ten_minutes_of_silence_take_no_memory():
    (_, hole, _) = axis_of((frame(800), 0.0), (frame(800), 590.0)).take()
    assert len(hole) == 590 * RATE - 800
    assert hole.strides == (0,)


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(1, 9))
def test_blocks_are_the_same_samples_in_equal_lengths(lengths, size):
    samples = np.arange(sum(lengths), dtype=np.float32)
    blocks = list(in_blocks(np.split(samples, np.cumsum(lengths)[:-1]) if lengths else [], size))
    assert np.array_equal(np.concatenate([np.zeros(0, np.float32), *blocks]), samples)
    assert all(len(block) == size for block in blocks[:-1])
    assert all(0 < len(block) <= size for block in blocks[-1:])


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (np.ones(199), "too_short"),
        (np.zeros(800), "silent"),
        (np.full(800, 1e-5), "silent"),
        (np.full(800, np.nan), "decode_error"),
        (np.full(800, 1e30), "decode_error"),
    ],
)
def test_sound_that_is_of_no_use(sound, reason):
    for blocks in ([sound], np.array_split(sound, 3)):
        with pytest.raises(ClipError) as caught:
            list(check_audio([block.astype(np.float32) for block in blocks], RATE))
        assert caught.value.reason == reason


def test_no_sound_at_all_is_too_short():
    with pytest.raises(ClipError, match=r"too_short: 0\.000 s"):
        list(check_audio([], RATE))


def test_one_loud_block_is_enough_and_is_not_cut_off_at_full_scale():
    found = list(
        check_audio([np.zeros(800, np.float32), np.full(800, -1.5, np.float32), np.zeros(800, np.float32)], RATE)
    )
    assert [block.min() for block in found] == [0, -1.5, 0]
