"""Whether what decoded is as long as the file, its other streams, or the span asked for say."""

import math
from pathlib import Path
from typing import Any

from pipeline.media.remark import Remark
from pipeline.media.streams import Opening, extents_of
from pipeline.media.whole import UNTOLD, cut_chunk, has_index, ragged_end

SLACK_S = 0.1
"""What is less is rounding: a block that a codec adds, a frame's own time, a container that counts in milliseconds."""
_GUESSED = frozenset(("aac", "ac3", "eac3", "amr", "dts", "truehd", "h264", "hevc", "m4v", "mpegvideo", "gsm", "adx"))
"""Without a container; of these FFmpeg only guesses, by the bit rate, how long they are."""
_TAG_BYTES = 4096
_SAMPLES = ("wav", "w64", "caf")
"""Of these FFmpeg mostly gives the samples that are there, whatever is declared, and their bytes tell the time."""


def declared_s(path: Path, container: Any) -> float | None:
    """Return how long a file says that it is, s, counted from its beginning; None where it does not say."""
    name = container.format.name.split(",")[0]
    whole = (container.duration or 0) / 1e6
    if (
        name in _GUESSED
        or (name == "nut" and not has_index(path))
        or (name in ("amr", "mp3") and not _has_frame_count(path))
    ):
        return None
    if name == "avi":  # FFmpeg gives what is there
        counts = [float(one.frames * one.time_base) for one in container.streams if one.time_base and one.frames]
        return max(counts, default=whole) or None
    if name == "asf" and not whole:
        return _asf_s(path)
    cut = cut_chunk(path, name) if name in _SAMPLES else None
    if cut is None or not cut[1]:
        return whole or None
    a_second = (container.streams[0].bit_rate or 0) / 8
    told, there = (size / a_second if a_second else math.inf for size in cut)
    # where the header counts samples, FFmpeg gives these, else what is there
    return whole if abs(whole - told) < abs(whole - there) else whole * cut[0] / cut[1]


def end_remarks(path: Path, container: Any, stream: Any, end: float, zero: float, opening: Opening) -> list[Remark]:
    """Return what is to be said of a file that was decoded until there was no more.

    Args:
        path: the file
        container: the same, open
        stream: the stream that was decoded
        end: when it ends, s from the beginning of the file
        zero: the timestamp of that beginning, s; some containers count from 0, others from there (FLAC begins at 0:
            where it does not, its first frames are lost)
        opening: opens the file anew
    """
    told, name, kind = declared_s(path, container), container.format.name.split(",")[0], stream.type
    ends = (end,) if name == "flac" else (end, end + zero)
    if told is not None and min(abs(one - told) for one in ends) > SLACK_S:
        further = _others(stream, zero, opening) if end < told else 0.0
        if further >= told - SLACK_S:
            return [Remark(f"unequal_length: the {kind} ends at {end:.2f} s, the other streams at {further:.2f} s")]
        return [Remark(f"decode_error: {end:.2f} s of {kind} decoded, {told:.2f} s declared by the file")]
    if cut := cut_chunk(path, name):
        sizes = f"{cut[1]} of the {cut[0]} bytes that it declares"
        return [Remark(f"decode_error: {end:.2f} s of {kind} decoded, the file has {sizes}")]
    return [UNTOLD] if told is None and name == "matroska" else ragged_end(path, name, opening)


def span_remarks(kind: str, end: float, stop: float) -> list[Remark]:
    """Return what is to be said of a stream that ends at `end`, s, where a span was asked for until `stop`, s."""
    late = stop - end > SLACK_S
    return [Remark(f"bad_span: it ends at {stop:.2f} s, the {kind} at {end:.2f} s")] if late else []


def _others(stream: Any, zero: float, opening: Opening) -> float:
    """Return when the other streams of the file end, s from its beginning."""
    with opening() as container:
        ends = [one.end - zero for number, one in extents_of(container).items() if number != stream.index]
    return max(ends, default=0.0)


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


def _asf_s(path: Path) -> float | None:
    """Return the play duration of ASF's File Properties Object (section 3.2), which FFmpeg leaves out of a cut file."""
    with path.open("rb") as file:
        head = file.read(_TAG_BYTES)
    at = head.find(b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11")
    if at < 0 or len(head) < at + 88:
        return None
    ticks, preroll_ms = (int.from_bytes(head[at + first : at + first + 8], "little") for first in (64, 80))
    return max(0.0, ticks / 1e7 - preroll_ms / 1e3) or None
