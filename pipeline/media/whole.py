"""Whether a file is whole by its own structure: most containers say how many bytes their parts have.

RIFF (WAV, AVI), EA IFF 85 (AIFF), ISO/IEC 14496-12 (MP4), ASF, CAF and Wave64 are chains of chunks with sizes, Ogg of
pages (RFC 3533), a transport stream of packets of 188 bytes; some codecs without a container have frames of one size.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.media.packets import packets
from pipeline.media.remark import Remark, note


class _Chain(NamedTuple):
    """How chunks follow: the first at `start`, a header of so many bytes; where its name and its size lie in it."""

    start: int
    head: int
    name: slice
    size: slice
    order: Any  # "little" or "big"
    counted: bool  # whether the size includes the header
    align: int
    wanted: tuple[bytes, ...]


_NAME, _SIZE = slice(0, 4), slice(4, 8)
_CHAINS = {
    "wav": _Chain(12, 8, _NAME, _SIZE, "little", False, 2, (b"data",)),
    "avi": _Chain(0, 8, _NAME, _SIZE, "little", False, 2, (b"RIFF",)),
    "aiff": _Chain(0, 8, _NAME, _SIZE, "big", False, 2, (b"FORM",)),
    "mov": _Chain(0, 8, slice(4, 8), slice(0, 4), "big", True, 1, (b"mdat", b"moov", b"moof")),
    "caf": _Chain(8, 12, _NAME, slice(4, 12), "big", False, 1, (b"data",)),
    "w64": _Chain(40, 24, _NAME, slice(16, 24), "little", True, 8, (b"data",)),
    "asf": _Chain(0, 24, _NAME, slice(16, 24), "little", True, 1, (b"\x30\x26\xb2\x75", b"\x36\x26\xb2\x75")),
}
"""By FFmpeg's name; ASF's are the beginnings of the identifiers of its header and its data."""
_UNKNOWN = 0x7FFF0000
"""What writes to a pipe does not know how much it will be, and gives a size from here on, beyond the file."""
_NEAR_BYTES = 64  # writers miscount by a header
_TAIL_BYTES, _OGG_LAST = 1 << 17, 4
_NUT_INDEX = b"NX\xdd\x67\x2f\x23\xe6\x4e"
UNTOLD = note("it does not say how long it is, as what is written to a pipe, so that some may lack")
_BLOCKS = {"mpegts": (188, 192, 204), "dv": (120_000, 144_000)}
"""Bytes of every packet, or frame (525 or 625 lines)."""
_ONE_SIZE = ("mp3", "ac3", "eac3", "dts")
_FLV_TAGS = (8, 9, 18)


def cut_chunk(path: Path, name: str) -> tuple[int, int] | None:
    """Return how many bytes the first chunk that is not whole promises, and how many are there; None where all are, and
    for a format, by FFmpeg's name of it, that has none.
    """
    if name not in _CHAINS:
        return None
    large = 0
    for kind, claimed, there, head in _chunks(path, _CHAINS[name]):
        if kind == b"ds64":  # EBU Tech 3306: the size of `data` where 32 bits are too few
            large = int.from_bytes(head[16:24], "little")
        promised = large or claimed
        if kind in _CHAINS[name].wanted and promised - there > _NEAR_BYTES:
            return (promised, there) if large or claimed < _UNKNOWN or name not in ("wav", "avi", "caf") else None
    return None


def _chunks(path: Path, form: _Chain) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Yield the name of each chunk, how long its content says that it is, how much there is, and how it begins."""
    size, at = path.stat().st_size, form.start
    with path.open("rb") as file:
        while at + form.head <= size:
            file.seek(at)
            head = file.read(form.head + 24)
            content = int.from_bytes(head[form.size], form.order) - form.head * form.counted
            if form.counted and content == 1 - form.head and form.order == "big":  # MP4: a size of 64 bits follows
                content = int.from_bytes(head[8:16], "big") - form.head
            if content < 0:  # to the end of the file
                return
            yield head[form.name], content, size - at - form.head, head
            at += form.head + content
            at += -at % form.align


def ragged_end(path: Path, name: str, opening: Callable[[], AbstractContextManager[Any]]) -> list[Remark]:
    """Return what is to be said of a file without chunks that ends within a page, a packet or a frame."""
    if (name in ("wav", "avi", "caf") and _is_untold(path, name)) or (name == "nut" and not has_index(path)):
        return [UNTOLD]
    if name in ("ogg", "flv"):
        return _ogg_end(path) if name == "ogg" else _flv_end(path)
    size, blocks = path.stat().st_size, _BLOCKS.get(name, (1,))
    if all(size % each for each in blocks):
        rest = f"{size % blocks[0]} of the {blocks[0]} bytes"
        return [Remark(f"decode_error: the file is cut, its last packet has {rest} of the others")]
    return _frame_end(opening) if name in _ONE_SIZE else []


def unfinished(path: Path, head: bytes) -> str:
    """Return what to add where a file cannot be opened because some of it lacks, and the remedy; "" where none does."""
    kinds = {b"ftyp": "mov", b"mdat": "mov", b"free": "mov", b"wide": "mov"}
    name = kinds.get(head[4:8], "asf" if head.startswith(_CHAINS["asf"].wanted) else "")
    if cut := cut_chunk(path, name):
        return f": cut, with {cut[1]} of the {cut[0]} bytes that it declares; download or copy it again"
    if name == "mov" and all(kind != b"moov" for kind, *_ in _chunks(path, _CHAINS["mov"])):
        return ": without an index (moov), as where a recording was not ended; record or download it again"
    return ""


def _is_untold(path: Path, name: str) -> bool:
    chunks = {kind: size for kind, size, *_ in _chunks(path, _CHAINS[name])}
    data = max((chunks.get(kind, 0) for kind in _CHAINS[name].wanted), default=0)
    return not data or (_UNKNOWN <= data > path.stat().st_size and b"ds64" not in chunks)


def has_index(path: Path) -> bool:
    """Return whether a NUT file has its index, the last that is written."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return _NUT_INDEX in file.read()


def _frame_end(opening: Callable[[], AbstractContextManager[Any]]) -> list[Remark]:
    with opening() as container:
        sizes = [packet.size for packet in packets(container) if packet.size and packet.stream.type == "audio"]
    usual = min(sizes[:-1], default=0)
    if len(sizes) < 3 or max(sizes[:-1]) > usual + 4 or sizes[-1] >= usual:  # frames of many sizes tell nothing
        return []
    return [Remark(f"decode_error: the file is cut, its last frame of {usual} bytes has {sizes[-1]}")]


def _flv_end(path: Path) -> list[Remark]:
    """See Adobe FLV 10.1, E.3: behind each tag stands its size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 4))
        back = size - 4 - int.from_bytes(file.read(4), "big")
        file.seek(max(0, back))
        tag = file.read(4)
    if back >= 0 and tag[0] in _FLV_TAGS and back + 11 + int.from_bytes(tag[1:], "big") == size - 4:
        return []
    return [Remark(f"decode_error: the file is cut, its {size} bytes end within a tag")]


def _ogg_end(path: Path) -> list[Remark]:
    """See RFC 3533, section 6: the last page is marked, and each tells its size."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at : at + 27] if at >= 0 else b""
    if len(page) < 27 or len(tail) < at + 27 + page[26]:
        return [Remark("decode_error: the file is cut in the head of an Ogg page")] if page else []
    claimed, there = 27 + page[26] + sum(tail[at + 27 : at + 27 + page[26]]), len(tail) - at
    if there < claimed:
        return [Remark(f"decode_error: the file is cut, its last page of {claimed} bytes has {there}")]
    return [] if page[5] & _OGG_LAST else [note("the last Ogg page is not marked as the last, so some may lack")]
