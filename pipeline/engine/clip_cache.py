"""What was computed for one clip, kept by content outside DVC's outputs.

An entry is named by the SHA-256 of (input digest, code version, settings, weights digest), written to a temporary
file and moved into place, and carries its own digest: a killed run resumes, one new clip costs one extraction, and
a damaged entry is computed again. The folder may be deleted at any time.

    <root>/ab/cdef...   HDF5 with the group `clip`, as a feature file has it (empty, where the clip failed), then
                        the head as JSON, SHA-256 of all before, CRC-32 of the head, its length, "CLP3"
    <root>/journal      what each stage did with each clip the last time (pipeline.engine.journal)
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import h5py

from pipeline.core.errors import ClipError
from pipeline.core.files import atomic_path, canonical_json
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import new_hdf5, write_clip

_MAGIC = b"CLP3"
"""Names the layout too (chunks, compression): entries are packed as they lie, and an older one is computed again."""
_DIGEST_BYTES = 32
_HEAD_CHECK = struct.Struct("<II")
_TAIL_BYTES = _DIGEST_BYTES + _HEAD_CHECK.size + len(_MAGIC)
_ABANDONED_S = 3600.0
_PIECE_BYTES = (
    1 << 19
)  # most entries in a few pieces: the thread that checks them then seldom waits for the one that copies


def cache_key(**parts: Any) -> str:
    """Return the entry's name: 64 hexadecimal digits over the canonical JSON of `parts`."""
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Head:
    """What an entry says of itself.

    Attributes:
        reason: why the clip failed, or ""
        detail: the same in words
        notes: reasons why the result is degraded
        stage: which stage made it
    """

    reason: str = ""
    detail: str = ""
    notes: tuple[str, ...] = ()
    stage: str = ""

    @property
    def error(self) -> ClipError | None:
        """The failure as an exception."""
        return ClipError(self.reason, self.detail) if self.reason else None


class ClipCache:
    """A folder of entries.

    Args:
        root: the folder; made on first use
        max_gb: what `prune` leaves, GB
    """

    def __init__(self, root: Path, max_gb: float = 20.0) -> None:
        self.root = root
        self.max_gb = max_gb

    def path(self, key: str) -> Path:
        """Return where an entry lies, in one of 256 sub-folders."""
        return self.root / key[:2] / key[2:]

    def head(self, key: str) -> Head | None:
        """Return what an entry says of itself, or None where there is none; whether its arrays are sound is not looked
        at.
        """
        path = self.path(key)
        head = self.peek(path)
        if head is not None:
            with suppress(FileNotFoundError):
                os.utime(path)  # the time of last use, by which `prune` chooses
        return head

    def peek(self, path: Path) -> Head | None:
        """Return the head of an entry's file without counting as use; None where it is absent or damaged."""
        try:
            with path.open("rb") as file:
                return _head(file, path.stat().st_size)
        except (OSError, ValueError, TypeError):  # either means that the clip is computed
            return None

    def sound(self, key: str) -> bool:
        """Return whether an entry is kept, its digest holds and its head can be read; a damaged one is deleted."""
        path = self.path(key)
        sound = self.peek(path) is not None and _sound(path)
        if not sound:
            path.unlink(missing_ok=True)
        return sound

    @contextmanager
    def group(self, key: str) -> Iterator[h5py.Group]:
        """Give the group of an entry that is `sound`, empty where the clip failed.

        Raises:
            FileNotFoundError: it was deleted meanwhile
        """
        with h5py.File(self.path(key), "r") as file:
            yield file["clip"]

    def put(
        self,
        key: str,
        blocks: Iterable[ClipFeatures],
        notes: list[str],
        stage: str = "",
        meta: FeatureMeta | None = None,
    ) -> Head:
        """Keep what is computed while it is computed, block by block, or the `ClipError` that ends it.

        Args:
            key: the entry's name
            blocks: consecutive rows of the clip
            notes: reasons why the result is degraded; read when the blocks are through
            stage: which stage it is
            meta: what the values have to be like

        Raises:
            ValueError: the values are not what `meta` says
        """
        with atomic_path(self.path(key)) as temporary:
            try:
                with new_hdf5(temporary) as file:
                    write_clip(file.create_group("clip"), blocks, meta)
                head = Head(notes=tuple(notes), stage=stage)
            except ClipError as error:
                with new_hdf5(temporary) as file:
                    file.create_group("clip")
                head = Head(error.reason, error.detail, stage=stage)
            _seal(temporary, head)
        return head

    def get(self, key: str) -> tuple[ClipFeatures | ClipError, list[str]] | None:
        """Return (arrays or the clip's error, notes), or None where nothing sound is kept."""
        if not self.sound(key) or (head := self.head(key)) is None:
            return None
        if head.error is not None:
            return head.error, []
        with self.group(key) as group:
            arrays = {name: group[name][()] for name in group}
        values, times, mask = (arrays.pop(name) for name in ("values", "times", "mask"))
        return ClipFeatures(values, times, mask, arrays), list(head.notes)

    def entries(self) -> Iterator[Path]:
        """Yield the file of every entry."""
        return self.root.glob("[0-9a-f][0-9a-f]/[!.]*")

    def prune(self) -> int:
        """Delete the entries used longest ago until `max_gb` holds; return how many went.

        What a killed run left half written goes too, once it is an hour old.
        """
        for path in self.abandoned():
            path.unlink(missing_ok=True)
        found = [(state.st_mtime, state.st_size, path) for path in self.entries() if (state := _stat(path))]
        size, gone = sum(entry[1] for entry in found), 0
        for _, bytes_, path in sorted(found):
            if size <= self.max_gb * 1e9:
                break
            path.unlink(missing_ok=True)
            size, gone = size - bytes_, gone + 1
        return gone

    def abandoned(self) -> list[Path]:
        """Return what killed runs left half written, more than an hour ago."""
        left = ((path, _stat(path)) for path in self.root.glob("[0-9a-f][0-9a-f]/.*"))
        return [path for path, state in left if state and time.time() - state.st_mtime > _ABANDONED_S]


def _stat(path: Path) -> os.stat_result | None:
    """Return a file's state, or None where another process has just deleted it."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _seal(path: Path, head: Head) -> None:
    """Append the head and the digest of everything."""
    text = json.dumps(asdict(head)).encode()
    with path.open("r+b") as file:
        digest = hashlib.file_digest(file, "sha256")
        digest.update(text)
        file.seek(0, os.SEEK_END)
        file.write(text + digest.digest() + _HEAD_CHECK.pack(zlib.crc32(text), len(text)) + _MAGIC)


def _head(file: Any, size: int) -> Head:
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read()
    if len(tail) < _TAIL_BYTES or tail[-len(_MAGIC) :] != _MAGIC:
        raise ValueError("no entry")
    check, length = _HEAD_CHECK.unpack(tail[_DIGEST_BYTES : -len(_MAGIC)])
    file.seek(max(0, size - _TAIL_BYTES - length))
    text = file.read(length)
    if zlib.crc32(text) != check:
        raise ValueError("damaged")
    fields = json.loads(text)
    return Head(**{**fields, "notes": tuple(fields["notes"])})


def _sound(path: Path) -> bool:
    """Return whether the digest of an entry holds, read in pieces."""
    try:
        with path.open("rb", buffering=0) as file:
            left = path.stat().st_size - _TAIL_BYTES
            digest = hashlib.sha256()
            while left > 0 and (piece := file.read(min(left, _PIECE_BYTES))):
                digest.update(piece)
                left -= len(piece)
            return left == 0 and file.read(_DIGEST_BYTES) == digest.digest()
    except OSError:
        return False
