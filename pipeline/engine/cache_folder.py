"""The folder of the clip cache: which entries there are, what they take, and which go when room is short."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.engine.cache_entry import Head, read_head
from pipeline.engine.packs import Packs

_ABANDONED_S = 3600.0


@dataclass
class _Unit:
    """Files that are deleted together: when one was last used, their size, how many are entries."""

    used: float
    size: int
    entries: int
    paths: list[Path]


class CacheFolder:
    """A folder of entries.

    Args:
        root: the folder; made on first use
        max_gb: what `prune` leaves, GB
    """

    def __init__(self, root: Path, max_gb: float = 20.0) -> None:
        self.root = root
        self.max_gb = max_gb
        self.packs = Packs(root / "packs")

    def path(self, key: str) -> Path:
        """Return where an entry lies, in one of 256 sub-folders."""
        return self.root / key[:2] / key[2:]

    def peek(self, path: Path) -> Head | None:
        """Return the head of an entry's file without counting as use; None where it is absent or damaged."""
        try:
            with path.open("rb") as file:
                head = read_head(file, path.stat().st_size)
            return head if not head.pack or self.packs.path(head.pack).is_file() else None
        except (OSError, ValueError, TypeError):  # either means that the clip is computed
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
        if self.size() <= self.max_gb * 1e9:
            return 0
        units = self._units()
        size, gone = sum(unit.size for unit in units), 0
        for unit in sorted(units, key=lambda one: (one.used, one.paths)):
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
                unit = units.setdefault(
                    head.pack if head is not None and head.pack else str(path), _Unit(0.0, 0, 0, [])
                )
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
