"""The folder of the clip cache: which entries there are, what they take, and which go when room is short.

Packs stand for the arrays of the entries which they were packed from. A pack is a hard link to a stage's feature file,
named by the SHA-256 of its bytes. Deleting the feature file, as `dvc repro` does before it runs the stage again, leaves
the pack. A file that was changed in place is no pack any more, except for those clips whose arrays still have the
digests that their writer noted.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import h5py

from pipeline.core.arrays import Digests, stored_rows
from pipeline.core.errors import ArtifactError
from pipeline.core.files import atomic_path, file_digest
from pipeline.core.hdf5_reading import hindrance, refusal
from pipeline.core.text_heaps import heaps_are_whole
from pipeline.engine.cache_entry import Head, read_head

_ABANDONED_S = 3600.0
_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def where_writable() -> Iterator[None]:
    """Leave out what only looks after the clip cache where its folder may be read alone: its entries serve all the
    same. Any other error stays one.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _READ_ONLY:
            raise


class Packs:
    """A folder of packs, made on first use."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, pack: str) -> Path:
        """Return where a pack lies."""
        return self.root / f"{pack}.h5"

    def all(self) -> Iterator[Path]:
        """Yield the file of every pack."""
        return self.root.glob("[!.]*.h5")

    def add(self, file: Path) -> str:
        """Make a feature file a pack, and return its name; "" where the file system cannot link it."""
        pack = file_digest(file)
        try:
            with atomic_path(self.path(pack)) as temporary:  # the same content from before is not linked to this file
                os.link(file, temporary)
        except OSError:
            return ""
        return pack

    def sound(self, pack: str, clip_id: str) -> bool:
        """Return whether a clip in a pack is as it was written."""
        path = self.path(pack)
        try:
            state = path.stat()
            whole = _digest(path, (state.st_ino, state.st_mtime_ns, state.st_size)) == pack
            return whole or _as_written(path, clip_id)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ArtifactError(f"{path}: {refusal(error)}") from error


@lru_cache(maxsize=16)
def _digest(path: Path, identity: tuple[int, int, int]) -> str:  # noqa: ARG001
    return file_digest(path)


def _as_written(path: Path, clip_id: str) -> bool:
    try:
        with h5py.File(path, "r") as file:
            if not heaps_are_whole(path):
                return False
            group, digests = file[clip_id], Digests()
            for name in group:
                digests.add(name, stored_rows(group[name]))
            return bool(digests.named() == json.loads(group.attrs["digests"]))
    # what h5py raises depends on the byte that is wrong
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        if words := hindrance(error):  # it may be as it was
            raise ArtifactError(f"{path}: {words}") from error
        return False


@dataclass
class _Unit:
    """Files that are deleted together: when one was last used, their size, how many are entries."""

    used: float
    size: int
    entries: int
    paths: list[Path]


class CacheFolder:
    """A folder of entries, made on first use; `prune` leaves `max_gb` GB."""

    def __init__(self, root: Path, max_gb: float = 20.0) -> None:
        self.root, self.max_gb = root, max_gb
        self.packs = Packs(root / "packs")

    def path(self, key: str) -> Path:
        """Return where an entry lies, in one of 256 sub-folders."""
        return self.root / key[:2] / key[2:]

    def peek(self, path: Path) -> Head | None:
        """Return the head of an entry's file without counting as use; None where it is absent or damaged."""
        try:
            with path.open("rb") as file:
                head = read_head(file)
            return head if not head.pack or self.packs.path(head.pack).is_file() else None
        # each means that the clip is computed
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, TypeError):
            return None

    def entries(self) -> Iterator[Path]:
        """Yield the file of every entry."""
        return self.root.glob("[0-9a-f][0-9a-f]/[!.]*")

    def prune(self) -> int:
        """Delete the entries used longest ago until `max_gb` holds; return how many went.

        Those in one feature file go together. What a killed run left half written goes too, once it is an hour old.
        """
        for path in self.abandoned():
            path.unlink(missing_ok=True)
        size, gone = self.size(), 0
        if size <= self.max_gb * 1e9:
            return 0
        for unit in sorted(self._units(), key=lambda one: (one.used, one.paths)):
            if size <= self.max_gb * 1e9:
                break
            for path in unit.paths:
                path.unlink(missing_ok=True)
            size, gone = size - unit.size, gone + unit.entries
        return gone

    def tidy(self) -> None:
        """Delete feature files to which no entry refers any more."""
        kept = {head.pack for path in self.entries() if (head := self.peek(path)) is not None}
        for path in self.packs.all():
            if path.stem not in kept:
                path.unlink(missing_ok=True)

    def size(self) -> int:
        """Return the bytes of all entries and of the feature files that they refer to."""
        return sum(state.st_size for path in (*self.entries(), *self.packs.all()) if (state := _stat(path)))

    def _units(self) -> list[_Unit]:
        """Return what can only be deleted together."""
        units = {path.stem: _Unit(0.0, path.stat().st_size, 0, [path]) for path in self.packs.all()}
        for path in self.entries():
            if state := _stat(path):
                head = self.peek(path)
                name = head.pack if head is not None and head.pack else str(path)
                unit = units.setdefault(name, _Unit(0.0, 0, 0, []))
                unit.used, unit.size = max(unit.used, state.st_mtime), unit.size + state.st_size
                unit.entries += 1
                unit.paths.append(path)
        return list(units.values())

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
