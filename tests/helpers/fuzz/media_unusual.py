"""Clips that are whole and unusual: spans, display matrices, pixel aspects, layouts, streams, times."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from helpers.fuzz.media_base import KINDS, LENGTH_S, Input, Rng, base, material
from helpers.fuzz.streams import write_streams
from helpers.hostile import RATE, write


def spanned(rng: Rng) -> Input:
    """A part of a file by the manifest, sometimes beyond its end."""
    one = base(str(rng.choice([".mp4", ".mkv", ".wav", ".avi", ".flv"])))
    start = round(float(rng.uniform(0, 1.6)), 3)
    end = round(start + float(rng.uniform(0.01, 1.5)), 3) if rng.random() < 0.8 else None
    return replace(one, start=start, end=end)


TURNS: list[tuple[str, tuple[int, int, int, int], Callable[[np.ndarray], np.ndarray]]] = [
    ("as stored", (1, 0, 0, 1), lambda p: p),
    ("turned 90", (0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    ("turned 180", (-1, 0, 0, -1), lambda p: np.rot90(p, 2)),
    ("turned 270", (0, -1, 1, 0), lambda p: np.rot90(p, 1)),
    ("mirrored", (-1, 0, 0, 1), lambda p: p[:, ::-1]),
    ("upside down", (1, 0, 0, -1), lambda p: p[::-1]),
    ("transposed", (0, 1, 1, 0), lambda p: p.transpose(1, 0, 2)),
    ("transposed the other way", (0, -1, -1, 0), lambda p: np.rot90(p.transpose(1, 0, 2), 2)),
]
"""Words, (a, b, c, d) of the display matrix, and what it does to a picture; each undoes itself or its opposite does."""


def matrix(rng: Rng) -> Input:
    """Pictures that lie or stand the wrong way, and a display matrix that rights them."""
    at = int(rng.integers(0, len(TURNS)))
    words, (a, b, c, d), right = TURNS[at]
    pictures, sound = material()
    shown = pictures[:, :, 20:180]  # 200 x 160: a turn shows
    undo = TURNS[{1: 3, 3: 1}.get(at, at)][2]
    stored = np.stack([np.ascontiguousarray(undo(each)) for each in shown])
    assert np.array_equal(right(stored[0]), shown[0])
    height, width = stored.shape[1:3]
    shift = (width if a + c < 0 else 0, height if b + d < 0 else 0)
    data = bytearray(written(".mp4", stored, sound))
    place = data.index(b"tkhd") + 4 + 40
    numbers = [a << 16, b << 16, 0, c << 16, d << 16, 0, shift[0] << 16, shift[1] << 16, 1 << 30]
    data[place : place + 36] = struct.pack(">9i", *numbers)
    return Input(".mp4", bytes(data), whole=True, first=shown[0], rule=f"matrix: {words}")


def written(suffix: str, pictures: np.ndarray, sound: np.ndarray | None, **settings) -> bytes:
    """Return the bytes of a clip."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"clip{suffix}")
        write(path, pictures, sound, **{**KINDS[suffix], **settings})
        return path.read_bytes()


def aspect(rng: Rng) -> Input:
    """Pixels that are not square."""
    ratio = [Fraction(16, 11), Fraction(12, 11), Fraction(10, 11), Fraction(8, 9), Fraction(4, 3), Fraction(2)][
        rng.integers(0, 6)
    ]
    suffix = str(rng.choice([".mp4", ".mkv", ".avi"]))
    pictures, sound = material()
    width = 2 * round(200 / float(ratio) / 2)
    squeezed = [cv2.resize(each, (width, 200), interpolation=cv2.INTER_AREA) for each in pictures]
    data = write_streams(suffix, [("video", squeezed, {"aspect": ratio}), ("audio", sound, {})])
    return Input(suffix, data, whole=True, first=pictures[0], rule=f"aspect: {ratio}")


LAYOUTS = ("mono", "stereo", "2.1", "3.0", "quad", "4.0", "5.0", "5.1", "6.1", "7.1")


def layout(rng: Rng) -> Input:
    """A voice in one channel of several, or in two of opposite phase."""
    name = str(rng.choice(LAYOUTS))
    from av import AudioLayout

    channels = [channel.name for channel in AudioLayout(name).channels]
    _, sound = material()
    heard = np.zeros((len(sound), len(channels)), np.float32)
    speaks = [i for i, channel in enumerate(channels) if channel != "LFE"]
    first = int(rng.choice(speaks))
    heard[:, first] = sound
    words = channels[first]
    if len(speaks) > 1 and rng.random() < 0.3:
        other = int(rng.choice([i for i in speaks if i != first]))
        heard[:, other], words = -sound, f"{words} against {channels[other]}"
    suffix = str(rng.choice([".wav", ".mkv"]))
    data = write_streams(suffix, [("audio", heard, {"layout": name})])
    rule = f"layout: {name}, {words}"
    return Input(
        suffix, data, picture=None, whole=True, heard=sound, quiet_db=15 if words in ("FC", "mono") else 20, rule=rule
    )


def streams(rng: Rng) -> Input:
    """Streams in another order, a second audio stream, a still picture in front, marks of what is the default."""
    pictures, sound = material()
    hum = (0.1 * np.sin(2 * np.pi * 50 * np.arange(len(sound)) / RATE)).astype(np.float32)
    marked, unmarked = {"default": True}, {"default": False}
    film_, voice = ("video", pictures, marked), ("audio", sound, marked)
    orders = {
        "audio first": [voice, film_],
        "the second audio is the default": [film_, ("audio", hum, unmarked), voice],
        "the first audio is the default": [film_, voice, ("audio", hum, unmarked)],
        "a still picture first": [("video", pictures[:1] // 2, unmarked), film_, voice],
    }
    words = str(rng.choice(list(orders)))
    suffix = str(rng.choice([".mkv", ".mp4"])) if words == "audio first" else ".mkv"
    data = write_streams(suffix, orders[words])
    return Input(suffix, data, whole=True, first=pictures[0], heard=sound, rule=f"streams: {words}")


def timing(rng: Rng) -> Input:
    """Sound that begins late, or frames at uneven times."""
    pictures, sound = material()
    late = round(float(rng.uniform(0, 0.8)), 3)
    gaps = rng.integers(15, 70, len(pictures))
    times = np.concatenate([[0], np.cumsum(gaps[:-1])]).tolist()
    data = written(".mkv", pictures, sound, times=times, time_base=Fraction(1, 1000), begin_s=late)
    end = (times[-1] + float(gaps.mean())) / 1000
    return Input(".mkv", data, sound=late + LENGTH_S, picture=end, whole=True)
