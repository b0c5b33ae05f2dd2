"""The file of one entry of the clip cache: HDF5, then what the entry says of itself, then digests."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from pipeline.core.errors import ClipError

_MAGIC = b"CLP5"
"""Names the layout too (chunks, compression): entries are packed as they lie, and an older one is computed again."""
_DIGEST_BYTES = 32
_HEAD_CHECK = struct.Struct("<II")
TAIL_BYTES = _DIGEST_BYTES + _HEAD_CHECK.size + len(_MAGIC)
_PIECE_BYTES = 1 << 19
"""Most entries are so read in a few pieces: the thread that checks them then seldom waits for the one that copies."""


@dataclass(frozen=True)
class Head:
    """What an entry says of itself.

    Attributes:
        reason: why the clip failed, or ""; `detail` says it in words
        notes: reasons why the result is degraded
        stage: which stage made it
        pack: SHA-256 of the feature file that holds the arrays as those of `clip`, or "" where the entry does
    """

    reason: str = ""
    detail: str = ""
    notes: tuple[str, ...] = ()
    stage: str = ""
    pack: str = ""
    clip: str = ""

    @property
    def error(self) -> ClipError | None:
        """The failure as an exception."""
        return ClipError(self.reason, self.detail) if self.reason else None


def seal(path: Path, head: Head) -> None:
    """Append the head and the digest of everything."""
    text = json.dumps(asdict(head)).encode()
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256")
        digest.update(text)
        file.seek(0, os.SEEK_END)
        file.write(text + digest.digest() + _HEAD_CHECK.pack(zlib.crc32(text), len(text)) + _MAGIC)


def read_head(file: BinaryIO) -> Head:
    """Return the head of an opened entry, `ValueError` where there is none that is sound; its arrays are not looked at.

    The size is that of the opened file: under its path another run may have put another entry meanwhile.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read()
    if len(tail) < TAIL_BYTES or tail[-len(_MAGIC) :] != _MAGIC:
        raise ValueError("no entry")
    check, length = _HEAD_CHECK.unpack(tail[_DIGEST_BYTES : -len(_MAGIC)])
    file.seek(max(0, size - TAIL_BYTES - length))
    text = file.read(length)
    if zlib.crc32(text) != check:
        raise ValueError("damaged")
    fields = json.loads(text)
    return Head(**{**fields, "notes": tuple(fields["notes"])})


def is_sound(path: Path) -> bool:
    """Return whether the digest of an entry holds, read in pieces; an OSError is none of its content's."""
    try:
        with path.open("rb", buffering=0) as file:
            left = os.fstat(file.fileno()).st_size - TAIL_BYTES
            digest = hashlib.sha256()
            while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                digest.update(piece)
                left -= len(piece)
            return left == 0 and file.read(_DIGEST_BYTES) == digest.digest()
    except FileNotFoundError:
        return False
