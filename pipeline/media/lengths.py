"""Whether what decoded is as long as the file, its other streams, or the span asked for say."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.media.remark import Remark, note

SLACK_S = 0.1
"""What is less is rounding: a block that a codec adds, a frame's own time, a container that counts in milliseconds."""
_GUESSED = frozenset(("aac", "ac3", "eac3", "amr", "dts", "truehd", "h264", "hevc", "m4v", "mpegvideo", "gsm", "adx"))
"""Without a container; of these FFmpeg only guesses, by the bit rate, how long they are."""
_UNKNOWN_BYTES = 0x7FFF0000
"""What writes to a pipe does not know the size of a WAV, and gives one from here on, or 0."""
_TAG_BYTES, _TAIL_BYTES = 4096, 1 << 17
_OGG_LAST = 4


def declared_s(path: Path, container: Any) -> float | None:
    """Return how long a file says that it is, s, counted from its beginning; None where it does not say."""
    name = container.format.name.split(",")[0]
    whole = (container.duration or 0) / 1e6
    if name in _GUESSED or (name in ("amr", "mp3") and not _has_frame_count(path)):
        return None
    if name == "avi":  # FFmpeg gives what is there
        counts = [float(one.frames * one.time_base) for one in container.streams if one.time_base and one.frames]
        return max(counts, default=whole) or None
    return whole * (_missing(path) if name == "wav" else 1.0) or None


def spoken_of(
    told: float | None, kind: str, end: float, zero: float, others: Callable[[], float], stop: float
) -> list[Remark]:
    """Return what is to be said of a stream that was read until there was no more.

    Args:
        told: see `declared_s`
        kind: `audio` or `video`
        end: when the stream ends, s from the beginning of the clip's file
        zero: the timestamp of that beginning, s; some containers count from 0, others from there
        others: when the other streams of the file end, s from its beginning
        stop: where the span ends that was asked for, s, infinite where there is none
    """
    if stop < float("inf"):
        late = stop - end > SLACK_S
        return [Remark(f"bad_span: it ends at {stop:.2f} s, the {kind} at {end:.2f} s")] if late else []
    if told is None or min(abs(end - told), abs(end + zero - told)) <= SLACK_S:
        return []
    further = others() if end < told else 0.0
    if further >= told - SLACK_S:
        return [Remark(f"unequal_length: the {kind} ends at {end:.2f} s, the other streams at {further:.2f} s")]
    return [Remark(f"decode_error: {end:.2f} s of {kind} decoded, {told:.2f} s declared by the file")]


def ogg_tail(path: Path) -> list[Remark]:
    """Return what is to be said of the end of an Ogg file, which does not say how long it is, but whether it is whole:
    RFC 3533, section 6, the last page is marked, and each tells its size.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at : at + 27] if at >= 0 else b""
    if len(page) < 27 or len(tail) < at + 27 + page[26]:
        return [Remark("decode_error: the file ends in the head of an Ogg page")] if page else []
    claimed, there = 27 + page[26] + sum(tail[at + 27 : at + 27 + page[26]]), len(tail) - at
    if there < claimed:
        return [Remark(f"decode_error: the file is cut, its last page of {claimed} bytes has {there}")]
    return [] if page[5] & _OGG_LAST else [note("the last Ogg page is not marked as the last, so some may lack")]


def _has_frame_count(path: Path) -> bool:
    """Return whether an MP3 tells how many frames it has (Xing, Info, VBRI), behind an ID3v2 tag that may precede."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3" and len(head) == 10:
            file.seek(10 + sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)))
        else:
            file.seek(0)
        frame = file.read(_TAG_BYTES)
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))


def _missing(path: Path) -> float:
    """Return the samples that a WAV promises over those that are there, in bytes; 1 where it promises no more."""
    size, long = path.stat().st_size, 0
    with path.open("rb") as file:
        file.seek(12)
        while len(head := file.read(8)) == 8:
            name, claimed = head[:4], struct.unpack("<I", head[4:])[0]
            if name == b"data":
                there = size - file.tell()
                claimed = long or (claimed if claimed < _UNKNOWN_BYTES else 0)
                return max(1.0, claimed / there) if there else 1.0
            begin = file.tell()
            if name == b"ds64":
                long = int.from_bytes(file.read(16)[8:], "little")
            file.seek(begin + claimed + claimed % 2)
    return 1.0
