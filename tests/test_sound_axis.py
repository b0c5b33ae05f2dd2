"""`pipeline.sound_axis`: sound lies where its timestamps say."""

from __future__ import annotations

from functools import partial

import av
import numpy as np
import pytest

from pipeline.core.errors import ClipError
from pipeline.sound_axis import SoundAxis, check_sound

RATE = 8000


def frame(count: int, value: float = 0.5, rate: int = RATE, channels: int = 1) -> av.AudioFrame:
    layout = "mono" if channels == 1 else "stereo"
    result = av.AudioFrame.from_ndarray(np.full((channels, count), value, np.float32), format="fltp", layout=layout)
    result.sample_rate = rate
    return result


def axis_of(*pieces: tuple[av.AudioFrame | None, float | None], first: int = 0, last: int | None = None) -> SoundAxis:
    axis = SoundAxis(partial(av.AudioResampler, format="fltp", rate=RATE), RATE, first, last)
    for piece, time in (*pieces, (None, None)):
        axis.add(piece, time)
    return axis


def test_a_hole_is_silence_of_its_length():
    sound = axis_of((frame(800), 0.0), (frame(800), 0.3)).samples()
    assert len(sound) == 3200
    assert (sound[:800] == 0.5).all()
    assert not sound[800:2400].any()
    assert (sound[2400:] == 0.5).all()


@pytest.mark.parametrize("time", [0.101, 0.15, 0.05, None, 5000.0])
def test_rounding_overlap_and_broken_timestamps_leave_no_hole(time):
    sound = axis_of((frame(800), 0.0), (frame(800), time)).samples()
    assert len(sound) == 1600
    assert (sound == 0.5).all()


def test_sound_before_time_zero_is_dropped():
    assert len(axis_of((frame(800), -0.05)).samples()) == 400


def test_another_rate_or_layout_in_mid_stream():
    sound = axis_of((frame(800), 0.0), (frame(1600, rate=16000), 0.1), (frame(800, channels=2), 0.2)).samples()
    assert abs(len(sound) - 2400) <= 2
    assert np.abs(sound[1700:] - 0.5).max() < 1e-6


def test_only_the_span_is_kept():
    pieces = [(frame(800, value), 0.1 * i) for i, value in enumerate((0.1, 0.2, 0.3, 0.4))]
    axis = axis_of(*pieces, first=1000, last=2000)
    assert np.allclose(axis.samples(), [0.2] * 600 + [0.3] * 400)
    assert axis.full


@pytest.mark.parametrize(
    ("sound", "reason"),
    [(np.ones(199), "too_short"), (np.zeros(800), "silent"), (np.full(800, 1e-5), "silent"), (np.full(800, np.nan), "decode_error")],
)
def test_sound_that_is_of_no_use(sound, reason):
    with pytest.raises(ClipError) as caught:
        check_sound(sound.astype(np.float32), RATE)
    assert caught.value.reason == reason
