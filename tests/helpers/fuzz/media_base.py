"""Ordinary clips of the demo's person, one in each container, from which others are derived."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from helpers.hostile import RATE, film, write

LENGTH_S = 1.28
Rng = np.random.Generator


@dataclass(frozen=True)
class Input:
    """A file, and what is true of it.

    Attributes:
        suffix: of its name
        data: its bytes
        sound, picture: seconds that were put into it, None where it has no such stream
        whole: whether it is undamaged, so that all of it has to be read; else it may fail, but not tell lies
        declares: whether the container says how long it is
        first: the first frame as a player shows it, (H, W, 3) uint8
        heard: samples at 16 kHz that have to be in what is read, at most `quiet_db` quieter
        start, end: span of the manifest, s
        rule: how it was made
    """

    suffix: str
    data: bytes
    sound: float | None = LENGTH_S
    picture: float | None = LENGTH_S
    whole: bool = False
    declares: bool = True
    first: np.ndarray | None = None
    heard: np.ndarray | None = None
    quiet_db: float = 3.0
    start: float | None = None
    end: float | None = None
    rule: str = ""


@cache
def material(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (32, 200, 200, 3) and sound (20480,): what a person of the demo says, twice."""
    pictures, sound = film(seed)
    return np.concatenate([pictures, pictures[::-1]]), np.concatenate([sound, sound])


QUICK = {"deadline": "realtime", "cpu-used": "8"}
KINDS: dict[str, dict] = {
    ".mp4": {},
    ".mov": {"audio": "pcm_s16le"},
    ".mkv": {"audio": "flac"},
    ".webm": {"video": "libvpx", "audio": "libopus", "options": QUICK},
    ".avi": {"video": "mpeg4", "audio": "libmp3lame"},
    ".flv": {"video": "flv", "audio": "libmp3lame", "rate": 44_100},
    ".wmv": {"video": "wmv2", "audio": "libmp3lame", "rate": 44_100},
    ".ts": {},
    ".mpg": {"video": "mpeg1video", "audio": "mp2", "rate": 44_100},
    ".wav": {"audio": "pcm_s16le"},
    ".flac": {"audio": "flac"},
    ".m4a": {},
    ".mp3": {"audio": "libmp3lame"},
    ".opus": {"audio": "libopus", "rate": 48_000},
}
SOUND_ALONE = (".wav", ".flac", ".m4a", ".mp3", ".opus")
UNDECLARED = (".ts", ".mpg")


@cache
def base(suffix: str) -> Input:
    """Return an ordinary clip in one container."""
    pictures, sound = material()
    settings = dict(KINDS[suffix])
    rate = settings.setdefault("rate", RATE)
    alone = suffix in SOUND_ALONE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"base{suffix}")
        write(path, () if alone else pictures, resampled(sound, rate), **settings)
        data = path.read_bytes()
    return Input(suffix, data, picture=None if alone else LENGTH_S, whole=True, declares=suffix not in UNDECLARED)


def resampled(sound: np.ndarray, rate: int) -> np.ndarray:
    """Return sound of 16 kHz at another rate."""
    if rate == RATE:
        return sound
    times = np.arange(round(len(sound) * rate / RATE)) / rate
    return np.interp(times, np.arange(len(sound)) / RATE, sound).astype(np.float32)


def any_base(rng: Rng) -> Input:
    return base(str(rng.choice(list(KINDS))))
