"""`pipeline.media.streams`: which of several streams is read, by disposition, then by what they really hold."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from helpers.media import MS, SIZE, gray, picture, tone
from pipeline.media.decode import read_audio, read_audio_blocks, read_frames
from pipeline.media.remark import degraded_by

NONE, DEFAULT = Disposition(0), Disposition.default


def write_streams(
    path: Path,
    sounds: list[tuple[float, float, Disposition]] = [],  # noqa: B006  not written to
    videos: list[tuple[int, int, Disposition]] = [],  # noqa: B006
) -> Path:
    """Write audio streams of (seconds, Hz, disposition) and video streams of (frames, first frame, disposition)."""
    with av.open(str(path), "w") as container:
        heard = [container.add_stream("pcm_s16le", rate=16000, layout="mono") for _ in sounds]
        shown = [container.add_stream("ffv1", rate=25) for _ in videos]
        for stream, (_, _, disposition) in zip([*heard, *shown], [*sounds, *videos], strict=True):
            stream.disposition = disposition
        for stream in shown:
            stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
            stream.time_base = stream.codec_context.time_base = MS
        for stream, (seconds, hz, _) in zip(heard, sounds, strict=True):
            samples = np.round(tone(seconds, hz=hz) * 32767).astype(np.int16)
            for begin in range(0, len(samples), 1600):
                frame = av.AudioFrame.from_ndarray(samples[None, begin : begin + 1600], format="s16", layout="mono")
                frame.sample_rate, frame.pts, frame.time_base = 16000, begin, Fraction(1, 16000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        for stream, (count, first, _) in zip(shown, videos, strict=True):
            for number in range(count):
                frame = av.VideoFrame.from_ndarray(picture(first + number), format="rgb24")
                frame.pts, frame.time_base = 40 * number, MS
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def hertz(sound: np.ndarray) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(sound * np.hanning(len(sound))))) * 16000 / len(sound))


@pytest.mark.parametrize(
    ("sounds", "hz", "why"),
    [
        ([(1, 300, NONE), (1, 500, DEFAULT)], 500, "stream 2 of 2, marked as the default"),
        ([(1, 300, DEFAULT), (2, 500, NONE)], 300, "stream 1 of 2, marked as the default"),
        ([(1, 300, NONE), (2, 500, NONE), (1.5, 700, NONE)], 500, "stream 2 of 3, the longest, 2.00 s"),
        ([(1, 300, NONE), (2, 500, Disposition.comment)], 300, "stream 1 of 2, the longest, 1.00 s"),
        ([(1, 300, Disposition.visual_impaired), (1, 500, NONE)], 500, "stream 2 of 2, the longest, 1.00 s"),
        ([(1, 300, Disposition.dub), (1, 500, Disposition.original)], 500, "stream 2 of 2, the longest, 1.00 s"),
        ([(1, 300, Disposition.comment), (2, 500, Disposition.dub)], 500, "stream 2 of 2, the longest, 2.00 s"),
        ([(1, 300, DEFAULT | Disposition.comment), (1, 500, NONE)], 300, "stream 1 of 2, marked as the default"),
        ([(1, 300, DEFAULT), (2, 500, DEFAULT)], 500, "the longest of those marked as the default, 2.00 s"),
        ([(1, 300, NONE), (1.05, 500, NONE)], 300, "stream 1 of 2"),
        ([(0, 300, DEFAULT), (1, 500, NONE)], 500, "stream 2 of 2"),
    ],
    ids=[
        "default",
        "default though shorter",
        "longest",
        "commentary",
        "description",
        "dubbing",
        "nothing else",
        "default though a commentary",
        "two defaults",
        "equal",
        "default without content",
    ],
)
def test_the_audio_stream_that_is_read(tmp_path, sounds, hz, why):
    path = write_streams(tmp_path / "a.mkv", sounds=sounds)
    damage: list[str] = []
    sound = np.concatenate(list(read_audio_blocks(path, 16000, damage=damage)))
    assert hertz(sound) == pytest.approx(hz, abs=2)
    (line,) = [line for line in degraded_by(damage) if line.startswith("note: ")]
    assert why in line


@pytest.mark.parametrize(
    ("videos", "first"),
    [
        ([(5, 0, NONE), (5, 10, DEFAULT)], 10),
        ([(3, 0, NONE), (9, 10, NONE)], 10),
        ([(1, 0, DEFAULT), (9, 10, NONE)], 10),
        ([(9, 0, NONE), (1, 10, Disposition.timed_thumbnails)], 0),
    ],
    ids=["default", "longest", "one picture marked as default", "thumbnails"],
)
def test_the_video_stream_that_is_read(tmp_path, videos, first):
    path = write_streams(tmp_path / "a.mkv", videos=videos)
    assert abs(int(next(read_frames(path))[1][-8, -8].mean()) - gray(first)) <= 4


def test_one_stream_needs_no_choice(tmp_path):
    damage: list[str] = []
    list(read_audio_blocks(write_streams(tmp_path / "a.mkv", sounds=[(1, 300, NONE)]), 16000, damage=damage))
    assert damage == []


def test_a_picture_alone_is_a_video(tmp_path):
    assert len(list(read_frames(write_streams(tmp_path / "a.mkv", videos=[(1, 0, NONE)])))) == 1


def test_reading_a_span_takes_the_same_stream(tmp_path):
    path = write_streams(tmp_path / "a.mkv", sounds=[(1, 300, NONE), (2, 500, NONE)])
    assert hertz(read_audio(path, 16000, 0.2, 0.9)) == pytest.approx(500, abs=2)
