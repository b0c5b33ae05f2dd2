"""Damaged clips: cut, overwritten, or posing as another; what is left may be read, but no lie may be told of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from helpers.fuzz.media_base import KINDS, Input, Rng, any_base, base


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
