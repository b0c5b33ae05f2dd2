"""Files that pose as media: pointers to a file elsewhere, pages of a download, playlists, archives, text, and files
without content.

They are known by their first bytes, never by their names, and none is opened as media. No kind of audio or video begins
with `HEAD` bytes of text, apart from those of `_HEADED`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from pipeline.core.errors import ClipError
from pipeline.core.foreign import HEAD, kind_of, text_of_head

_HEADED = (b"YUV4MPEG2 ", b"NIST_1A\n", b"RIFF", b"RF64", b"OggS", b"fLaC", b"FORM", b"FLV", b"ID3", b"caff", b"#!AMR")
"""How some media begin with text, also where nothing more of them is left."""
_MARKED = (*_HEADED, b"\x1a\x45\xdf\xa3", b"\x30\x26\xb2\x75")
"""How they begin, Matroska and ASF too; MP4 has its mark at the fifth byte."""
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_SHOWN = 50


def checked_head(file: BinaryIO) -> bytes:
    """Return the first bytes of a file, which is then at its beginning; ClipError `not_media` where it holds none."""
    head = file.read(HEAD)
    if (found := _kind(head) or _blank(file, head)) is not None:
        raise ClipError("not_media", found)
    file.seek(0)
    return head


def begins_as_media(head: bytes) -> bool:
    """Return whether a file begins with the mark of a common container, whatever it holds."""
    return head.startswith(_MARKED) or head[4:8] == b"ftyp"


def check_media(path: Path) -> None:
    """Refuse, by a ClipError, what is not there (missing_file), cannot be read (unreadable) or holds no media."""
    try:
        if not path.is_file():
            kind = "a folder" if path.is_dir() else "a link that leads to no file" if path.is_symlink() else "not there"
            raise ClipError("missing_file", kind)
        with path.open("rb") as file:
            checked_head(file)
    except OSError as error:  # no permission, a network folder that is gone, a bad sector
        raise ClipError("unreadable", error.strerror or type(error).__name__) from error


def _kind(head: bytes) -> str | None:
    """Return what a file of this beginning is and the remedy; None where it may be media."""
    if head[8:12] == b"WAVE" and len(head) < HEAD and not head.partition(b"data")[2][4:]:
        return "a WAV file without samples; record or download it again"
    text, known = text_of_head(head, _HEADED), kind_of(head)
    if text is None and known is None:
        return None
    words = (text or "").strip("\ufeff \t\r\n\f\v")
    if text is not None and not words:
        empty = "a file of white space alone" if head else "an empty file, 0 bytes"
        return f"{empty}; copy or download it again"
    kind, remedy = known or ("text", "put the recording itself in its place")
    title = _TITLE.search(words)
    said = " ".join((title[1] if title else words).split())
    said = "".join(c if c.isprintable() else "?" for c in said)
    quoted = f" ('{said[:_SHOWN]}{'...' if len(said) > _SHOWN else ''}')" if title or known is None else ""
    return f"{kind}{quoted}; {remedy}"


def _blank(file: BinaryIO, head: bytes) -> str | None:
    """Say that a file holds zero bytes alone, as one does whose download was prepared and never came, or FF alone, as
    one does that was saved from an erased card.
    """
    filling = head[:1]
    if filling not in (b"\0", b"\xff"):
        return None
    while head:
        if head.strip(filling):
            return None
        head = file.read(1 << 20)
    if filling == b"\0":
        return "nothing but zero bytes, a download that never came; download it again"
    return "nothing but FF bytes, as of an erased card; copy or download it again"
