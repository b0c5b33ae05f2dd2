"""What files are that stand in the place of others: pointers to a file elsewhere, pages of a download, playlists,
archives, what operating systems leave behind.

They are known by their first bytes, never by their names. No audio, no video and no table begins in one of these ways.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

HEAD = 4096
"""Bytes by which a file is known."""
JSON = "a JSON document"
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WIDE = 64  # bytes of UTF-16 without its mark that show it to be Latin letters
_MARKUP = r"(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*"
_REMARKS = r"(?:[#;](?!EXT)[^\n]*\n\s*)*"
_AGAIN = "download it again, in a browser where the page asks to log in or to confirm"
_LINK = "put the recording itself in its place"
_UNPACK = "unpack it, and put what is in it in its place"
_OFFICE = "an Office document", "save its sheet as CSV in UTF-8"
_TEXTS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), kind, remedy)
    for pattern, kind, remedy in (
        (
            r'"?version https?://((git-lfs|hawser)\.github\.com/spec|git-media\.)',
            "a Git LFS pointer",
            "run `git lfs pull`",
        ),
        (r"<{7} ", "an unresolved merge of git", "resolve it, or get the file again"),
        (r"[^\s<>]*[/\\]annex[/\\]objects[/\\]", "a git-annex pointer", "run `git annex get`"),
        (r"(SHA\d|MD5|BLAKE|SKEIN|WORM|URL)\w*-(s\d+|m\d+)[^\s/]*--", "a git-annex pointer", "run `git annex get`"),
        (r"(?:\w+:[^\n]*\n|[ -][^\n]*\n)*outs:\s*\n", "a DVC pointer", "run `dvc pull`"),
        (_MARKUP + r"<(!doctype\s+html|html|head|body|script|title|meta|div|p|h1)\b", "an HTML page", _AGAIN),
        (_MARKUP + r"(<!doctype[^>]*>\s*)?<(playlist|asx|smil|mpd|wpl)\b", "a playlist", _LINK),
        (
            _REMARKS + r"(#EXT(M3U|INF)|\[(playlist|reference)\]|ffconcat version|file '|v=0\r?\no=)",
            "a playlist",
            _LINK,
        ),
        (
            r"((REM|PERFORMER|TITLE|CATALOG) [^\n]*\n\s*)*FILE [^\n]* (WAVE|MP3|AIFF|BINARY|MOTOROLA)\b",
            "a playlist",
            _LINK,
        ),
        (r"\[(InternetShortcut|Desktop Entry)\]|XSym\r?\n\d{4}", "a link to another place", _LINK),
        (r"(ASF +)?([a-z][\w+-]+://|magnet:\?)\S+\s*(\n|$)", "a playlist or link", _LINK),
        (r"d\d+:(announce|comment|created by|info|name|url-list)\b", "a torrent", "download what it names"),
        (r"%PDF-", "a PDF document", _LINK),
        (r"<\?xml|<(error|rss|svg|plist)\b", "an XML document", _AGAIN),
        (r"<(!|[a-z]\w*\b)[^<>]*>", "an HTML page", _AGAIN),
        (r"(\)\]\}'\s*)?(\{\s*(\"|\}|$)|\[\s*([\[{\"\]]|[-\d][^\n:\]]*\]\s*$)|\"[^\"\n]*\"\s*$)", JSON, _AGAIN),
    )
)
_BYTES = (
    (0, b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (0, b"\x1f\x8b\x08", "a gzip file", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"\xfd7zXZ\0", "an xz file", _UNPACK),
    (0, b"BZh", "a bzip2 file", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard file", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\0\x05\x16\x07", "what macOS notes beside a file (AppleDouble)", _LINK),
    (0, b"\0\0\0\x01Bud1", "what macOS notes of a folder (.DS_Store)", _LINK),
    (0, b"bplist0", "a list of macOS, such as iCloud leaves in place of a file", "download the file in iCloud first"),
    (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut", _LINK),
    (0, b"book\0\0\0\0mark", "a macOS alias", _LINK),
    (0, b"!<symlink>", "a link of Cygwin", _LINK),
    (0, b"%PDF-", "a PDF document", _LINK),
    (0, b"d8:announce", "a torrent", "download what it names"),
    (0, b"\x93NUMPY", "a NumPy array", _LINK),
    (0, b"\x89HDF\r\n", "an HDF5 file", _LINK),
    (0, b"SQLite format 3\0", "an SQLite database", _LINK),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", *_OFFICE),
    (0, b"\x7fELF", "a program", _LINK),
)
"""Where a mark lies, the mark, what it is of, and the remedy."""


def kind_of(head: bytes) -> tuple[str, str] | None:
    """Return what a file of this beginning is, and the remedy; None where it is nothing of that kind.

    >>> kind_of(b"version https://git-lfs.github.com/spec/v1")
    ('a Git LFS pointer', 'run `git lfs pull`')
    """
    for at, mark, *said in _BYTES:
        if head[at : at + len(mark)] == mark:
            office = mark[:2] == b"PK" and any(one in head for one in (b"[Content_Types].xml", b"opendocument"))
            return _OFFICE if office else (said[0], said[1])
    return kind_of_text(text_of_head(head) or "")


def kind_of_text(text: str) -> tuple[str, str] | None:
    """Return the same of a text."""
    words = text.strip("\ufeff \t\r\n\f\v")
    return next(((kind, remedy) for at, kind, remedy in _TEXTS if at.match(words)), None)


def text_of_head(head: bytes, media: Iterable[bytes] = ()) -> str | None:
    """Return the text that a file begins with; None where it is none, or begins as one of `media` does."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head[: len(head) // 2 * 2].decode("utf-16", "replace")
        return text if text.isascii() or kind_of_text(text) else None  # FF FE may begin an MPEG frame, too
    if len(head) >= _WIDE // 4 and not any(head[1:_WIDE:2]) and not _CONTROL.search(head[:_WIDE:2]):
        return head[: len(head) // 2 * 2].decode("utf-16-le", "replace")
    if head.startswith(tuple(media)) or _CONTROL.search(head):
        return None
    text = head.decode("utf-8", "replace")
    odd = text.count("\ufffd")  # neither UTF-8 nor, with few such letters, a text of another encoding
    return text if 3 * odd <= len(text) or kind_of_text(text) else None
