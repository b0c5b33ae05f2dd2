"""Feature files that stand for the entries of the clip cache which they were packed from.

A pack is a hard link to a stage's feature file, named by the SHA-256 of its bytes. Deleting the feature file, as
`dvc repro` does before it runs the stage again, leaves the pack. A file that was changed in place is no pack any more,
except for those clips whose arrays still have the digests that their writer noted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import h5py

from pipeline.core.digests import Digests
from pipeline.core.files import atomic_path, file_digest
from pipeline.core.frame_coding import stored_rows


class Packs:
    """A folder of packs.

    Args:
        root: the folder; made on first use
    """

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
        except OSError:
            return False


@lru_cache(maxsize=16)
def _digest(path: Path, identity: tuple[int, int, int]) -> str:  # noqa: ARG001
    return file_digest(path)


def _as_written(path: Path, clip_id: str) -> bool:
    try:
        with h5py.File(path, "r") as file:
            group, digests = file[clip_id], Digests()
            for name in group:
                digests.add(name, stored_rows(group[name]))
            return bool(digests.named() == json.loads(group.attrs["digests"]))
    # what h5py raises depends on the byte that is wrong
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError):
        return False
