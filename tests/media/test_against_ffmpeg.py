"""What is read is what FFmpeg's command line gives: orientation, pixel aspect, channels, and frame by frame.

Skipped where there is no `ffmpeg`; that of another version than the library's is the better judge.
"""

from __future__ import annotations

import math
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from helpers.media import SIZE, display_matrix, tone, write_media
from pipeline.media.decode import read_audio, read_frames

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on this machine")

LEVELS = 2
"""Grey levels that the mean may differ by; at edges FFmpeg's own versions differ by more."""
DECIBELS = 0.5
HALF = math.sqrt(0.5)
MATRICES = {
    "as it is": (1, 0, 0, 1),
    "a quarter clockwise": (0, 1, -1, 0),
    "upside down": (-1, 0, 0, -1),
    "a quarter counterclockwise": (0, -1, 1, 0),
    "left and right exchanged": (-1, 0, 0, 1),
    "top and bottom exchanged": (1, 0, 0, -1),
    "mirrored about the diagonal": (0, 1, 1, 0),
    "mirrored about the other diagonal": (0, -1, -1, 0),
    "twice as large": (2, 0, 0, 2),
    "upside down, half as large": (-0.5, 0, 0, -0.5),
    "an eighth clockwise": (HALF, HALF, -HALF, HALF),
    "30 degrees counterclockwise": (math.sqrt(0.75), -0.5, 0.5, math.sqrt(0.75)),
}
ASPECTS = ("1/1", "16/15", "8/9", "64/45", "32/27", "4/3")
LAYOUTS = ("mono", "stereo", "2.1", "3.0", "4.0", "quad", "5.0", "5.1", "5.1(side)", "7.1")


def ffmpeg(path: Path, *options: str) -> bytes:
    command = ["ffmpeg", "-v", "error", "-i", str(path), *options, "-"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout


def shown(path: Path, *options: str, count: int = 1) -> np.ndarray:
    """Return frames as FFmpeg shows them, (count, H, W, 3) uint8; colours interpolated, as here."""
    size = ffmpeg(path, "-frames:v", "1", *options, "-f", "image2pipe", "-c:v", "png")
    height, width = cv2.imdecode(np.frombuffer(size, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    exact = ("-sws_flags", "bilinear+accurate_rnd+full_chroma_int")
    raw = ffmpeg(path, "-frames:v", str(count), *options, *exact, "-f", "rawvideo", "-pix_fmt", "rgb24")
    return np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)


def pattern(index: int) -> np.ndarray:
    """Return a frame, (H, W, 3) uint8, that no turn and no mirror leaves as it is, without fine detail."""
    rows, columns = np.mgrid[0 : 1 : 1j * SIZE[0], 0 : 1 : 1j * SIZE[1]]
    return np.stack([220 * rows + 10, 200 * columns + 20 + 2 * index, 200 * rows * columns + 25], axis=2).astype(
        np.uint8
    )


def film(path: Path, count: int = 3, **changes: object) -> Path:
    pictures = [pattern(index) for index in range(count)]
    return write_media(path, range(0, 40 * count, 40), pictures=pictures, **changes)  # type: ignore[arg-type]


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    assert difference.mean() <= LEVELS
    assert np.percentile(difference, 95) <= 2 * LEVELS


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_the_first_frame_by_any_display_matrix(tmp_path, matrix):
    path = film(tmp_path / "a.mp4")
    display_matrix(path, matrix)
    assert_alike(next(read_frames(path))[1], shown(path)[0])


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_first_frame_with_square_pixels(tmp_path, aspect):
    plain = film(tmp_path / "a.mp4")
    path = tmp_path / "b.mp4"
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            plain,
            "-c",
            "copy",
            "-bsf:v",
            f"h264_metadata=sample_aspect_ratio={aspect}",
            path,
        ],
        check=True,
    )
    found = next(read_frames(path))[1]
    assert found.shape[1] == int(SIZE[1] * Fraction(aspect))
    assert_alike(found, shown(path, "-vf", "scale=iw*sar:ih,setsar=1")[0])


def voices(channels: int) -> np.ndarray:
    """Return (N, C): a tone of its own in each channel."""
    return np.stack([tone(1.0, hz=200.0 + 90 * number) for number in range(channels)], axis=1)


def write_channels(path: Path, layout: str, sound: np.ndarray, codec: str = "pcm_s16le") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=16000, layout=layout)
        for begin in range(0, len(sound), 1024):
            block = np.ascontiguousarray(sound[begin : begin + 1024].astype(np.float32)).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = 16000, begin, Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def level_db(samples: np.ndarray) -> float:
    return 10 * math.log10(float(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_level_of_any_layout(tmp_path, layout):
    path = write_channels(tmp_path / "a.wav", layout, voices(av.AudioLayout(layout).nb_channels))
    raw = ffmpeg(path, "-ac", "1", "-f", "s16le")
    expected = np.frombuffer(raw, "<i2") / 32768
    assert level_db(read_audio(path, 16000)) == pytest.approx(level_db(expected), abs=DECIBELS)


def test_every_frame_and_sample_of_a_clip(tmp_path):
    path = film(tmp_path / "a.mkv", 20, sound=tone(0.8))
    frames = [rgb for _, rgb in read_frames(path)]
    expected = shown(path, count=99)
    assert len(frames) == len(expected) == 20
    for found, wanted in zip(frames, expected, strict=True):
        assert_alike(found, wanted)
    sound = np.frombuffer(ffmpeg(path, "-f", "f32le", "-ac", "1"), "<f4")
    assert np.abs(read_audio(path, 16000) - sound).max() <= 1 / 32768
