"""Files that pose as media: pointers to a file elsewhere, pages of a download, playlists, text, and files without
content.

They are known by their first bytes, never by their names, and none is opened as media. No kind of audio or video begins
with `HEAD` bytes of text, apart from those of `_HEADED`.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import BinaryIO

from pipeline.core.errors import ClipError

HEAD = 4096
"""Bytes by which a file is known."""
_HEADED = (b"YUV4MPEG2 ", b"NIST_1A\n", b"RIFF", b"RF64", b"OggS", b"fLaC", b"FORM", b"FLV", b"ID3", b"caff", b"#!AMR")
"""How some media begin with text, also where nothing more of them is left."""
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_SHOWN = 50
_XML = r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
_AGAIN = "download it again, in a browser where the page asks to log in or to confirm"
_LINK = "put the recording itself in its place"
_KINDS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), kind, remedy)
    for pattern, kind, remedy in (
        (r"version https?://(git-lfs|hawser)\.github\.com/spec", "a Git LFS pointer", "run `git lfs pull`"),
        (r"\S*/annex/objects/", "a git-annex pointer", "run `git annex get`"),
        (r"(md5: .*\n)?outs:\s*\n", "a DVC pointer", "run `dvc pull`"),
        (_XML + r"<(!doctype\s+html|html|head|body|script|title|meta|div|p|h1)\b", "an HTML page", _AGAIN),
        (_XML + r"(<!doctype[^>]*>\s*)?<(playlist|asx|smil|mpd|wpl)\b", "a playlist", _LINK),
        (r"#EXT(M3U|INF)|\[(playlist|reference)\]|ffconcat version|v=0\r?\no=", "a playlist", _LINK),
        (r"\[(InternetShortcut|Desktop Entry)\]", "a link to another place", _LINK),
        (r"(https?|ftp|rtsp|rtmp|mms|file)://\S+\s*(\n|$)", "a playlist or link", _LINK),
        (r"<\?xml|<error\b", "an XML document", _AGAIN),
        (r"\{\s*(\"|\}|$)|\[\s*[\[{\"]", "a JSON document", _AGAIN),
    )
)


def checked_head(file: BinaryIO) -> bytes:
    """Return the first bytes of a file, which is then at its beginning; ClipError `not_media` where it holds none."""
    head = file.read(HEAD)
    if (found := _kind(head) or _blank(file, head)) is not None:
        raise ClipError("not_media", found)
    file.seek(0)
    return head


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
    text = _text(head)
    if text is None:
        return None
    words = text.strip("\ufeff \t\r\n\f\v")
    if not words:
        empty = "a file of white space alone" if head else "an empty file, 0 bytes"
        return f"{empty}; copy or download it again"
    kind, remedy = next(((kind, remedy) for at, kind, remedy in _KINDS if at.match(words)), ("text", _LINK))
    title = _TITLE.search(words)
    said = " ".join((title[1] if title else words).split())
    said = "".join(c if c.isprintable() else "?" for c in said)
    quoted = f" ('{said[:_SHOWN]}{'...' if len(said) > _SHOWN else ''}')" if title or kind == "text" else ""
    return f"{kind}{quoted}; {remedy}"


def _text(head: bytes) -> str | None:
    """Return the text that a file begins with; None where it is none."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
        return text if text.isascii() else None  # two bytes are no proof: FF FE may begin an MPEG frame
    if head.startswith(_HEADED) or _CONTROL.search(head):
        return None
    return head.decode("utf-8", "replace")


def _blank(file: BinaryIO, head: bytes) -> str | None:
    """Say that a file holds zero bytes alone, as one does whose download was prepared and never came."""
    while head:
        if head.strip(b"\0"):
            return None
        head = file.read(1 << 20)
    return "nothing but zero bytes, a download that never came; download it again"
