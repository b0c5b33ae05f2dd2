"""Clips that are derived from the demo's person: cut, damaged, posing as another, or unusual and whole."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from helpers.fuzz.streams import write_streams
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


# damage: what is left may be read, the ledger has to say that it is not all


def truncated(rng: Rng) -> Input:
    one = any_base(rng)
    share = rng.uniform(0, 0.97)
    return replace(one, data=one.data[: round(share * len(one.data))], whole=False)


def without_a_part(rng: Rng) -> Input:
    one = any_base(rng)
    begin, size = rng.uniform(0, 0.9), rng.uniform(0.01, 0.5)
    first, last = round(begin * len(one.data)), round(min(1, begin + size) * len(one.data))
    return replace(one, data=one.data[:first] + one.data[last:], whole=False)


def flipped(rng: Rng) -> Input:
    """Flip up to 40 bytes anywhere."""
    one = any_base(rng)
    return replace(one, data=_flipped(one.data, rng, rng.integers(0, len(one.data), rng.integers(1, 40))), whole=False)


def flipped_header(rng: Rng) -> Input:
    """Flip up to eight bytes where the container says what it holds."""
    one = any_base(rng)
    begin = max(0, one.data.find(b"moov") - 8)
    size = min(1200, len(one.data) - begin)
    return replace(one, data=_flipped(one.data, rng, begin + rng.integers(0, size, rng.integers(1, 9))), whole=False)


def _flipped(data: bytes, rng: Rng, places: np.ndarray) -> bytes:
    changed = bytearray(data)
    for at in places:
        changed[at] ^= int(rng.integers(1, 256)) if rng.random() < 0.5 else 1 << int(rng.integers(0, 8))
    return bytes(changed)


def overwritten(rng: Rng) -> Input:
    """Put zeros, noise or another part of the file over a run of bytes: a bad sector."""
    one = any_base(rng)
    begin = int(rng.integers(0, len(one.data)))
    size = min(int(rng.integers(16, 8192)), len(one.data) - begin)
    other = int(rng.integers(0, max(1, len(one.data) - size)))
    new = (bytes(size), rng.bytes(size), one.data[other : other + size])[rng.integers(0, 3)]
    return replace(one, data=one.data[:begin] + new + one.data[begin + size :], whole=False)


def atoms(data: bytes) -> list[int]:
    """Return where the boxes of an MP4 begin, those within others, too (ISO/IEC 14496-12)."""
    holders = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta")

    def within(begin: int, end: int) -> Iterator[int]:
        while begin + 8 <= end:
            size, name = struct.unpack_from(">I4s", data, begin)
            if size < 8 or begin + size > end:
                return
            yield begin
            if name in holders:
                yield from within(begin + 8, begin + size)
            begin += size

    return list(within(0, len(data)))


def wrong_atom(rng: Rng) -> Input:
    """Give one box of an MP4 another size, name or contents."""
    one = base(str(rng.choice([".mp4", ".mov", ".m4a"])))
    places = atoms(one.data)
    at = places[int(rng.integers(0, len(places)))]
    size = struct.unpack_from(">I", one.data, at)[0]
    new = [0, 1, 7, 8, size - 1, size + 1, size * 2, 0x7FFFFFFF, 0xFFFFFFFF][rng.integers(0, 9)]
    changed = bytearray(one.data)
    what = rng.integers(0, 3)
    if what == 0:
        changed[at : at + 4] = struct.pack(">I", new & 0xFFFFFFFF)
    elif what == 1:
        changed[at + 4 : at + 8] = [b"free", b"moov", b"mdat", b"xxxx"][rng.integers(0, 4)]
    else:
        field = at + 8 + 4 * int(rng.integers(0, max(1, min(30, size // 4 - 2))))
        odd = [0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, int(rng.integers(0, 1 << 32))]
        changed[field : field + 4] = struct.pack(">I", odd[rng.integers(0, len(odd))])
    return replace(one, data=bytes(changed[: len(one.data)]), whole=False)


def wrong_wave_field(rng: Rng) -> Input:
    """Give one field of a WAV's header another value: of sizes, channels, rate, bits."""
    one = base(".wav")
    form, at = [("<I", 4), ("<H", 20), ("<H", 22), ("<I", 24), ("<I", 28), ("<H", 32), ("<H", 34), ("<I", 40)][
        rng.integers(0, 8)
    ]
    largest = 0xFFFF if form == "<H" else 0xFFFFFFFF
    new = [0, 1, 2, 3, 7, 255, largest // 2, largest, int(rng.integers(0, largest))][rng.integers(0, 9)]
    changed = bytearray(one.data)
    struct.pack_into(form, changed, at, new)
    return replace(one, data=bytes(changed), whole=False)


POSES = (
    b"",
    b"\0" * 4096,
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 132735\n",
    b"<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body></body></html>\n" * 4,
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
    b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:9,\nfirst.mp4\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile first.mp4\n",
    b"[playlist]\nFile1=first.mp4\nNumberOfEntries=1\n",
    b'{"message": "Not Found", "status": "404"}',
    b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 96\n",
    b"1\n00:00:00,000 --> 00:00:02,000\nfirst.mp4\n",
    b"PK\x03\x04" + b"\0" * 300,
)


def posing(rng: Rng) -> Input:
    """Text and other bytes under the name of a clip; sometimes before or behind what a player would read."""
    pose = POSES[rng.integers(0, len(POSES))]
    suffix = str(rng.choice(list(KINDS)))
    tail = rng.bytes(int(rng.integers(0, 64))) if pose and rng.random() < 0.3 else b""
    return Input(suffix, pose + tail, sound=None, picture=None)


# whole: unusual, and to be read as a player reads it


def renamed(rng: Rng) -> Input:
    return replace(any_base(rng), suffix=str(rng.choice(list(KINDS))))


def longer(rng: Rng) -> Input:
    """Something behind the end of the container, as some programs leave it."""
    one = base(str(rng.choice([".mp4", ".mkv", ".wav", ".avi"])))
    return replace(one, data=one.data + rng.bytes(int(rng.integers(1, 3000))), whole=False)


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


RULES: dict[str, Callable[[Rng], Input]] = {
    rule.__name__: rule
    for rule in (
        truncated, without_a_part, flipped, flipped_header, overwritten, wrong_atom, wrong_wave_field, posing,
        renamed, longer, spanned, matrix, aspect, layout, streams, timing,
    )
}  # fmt: skip


def make(rng: Rng) -> Input:
    """Return an input by a rule that is drawn."""
    name = str(rng.choice(list(RULES)))
    made = RULES[name](rng)
    return replace(made, rule=made.rule or name)
