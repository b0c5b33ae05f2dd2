"""The working folder of a prediction: its own, so that two at once leave each other alone, and gone at its end; that of
one that was killed goes with the next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "predict-"


@contextmanager
def working_folder(cache: Path) -> Iterator[Path]:
    """Give an empty folder beside the clip cache, or among the temporary files where nothing can be written there.

    A process holds a lock on its folder as long as it lives. Where the disk has no locks, folders of killed ones stay.
    """
    place = cache.parent / "predict"
    if not _writable(place):
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
            yield Path(folder)
        return
    with _locked(place, wait=True) as alone:  # so that nobody meets a folder that its owner has not locked yet
        if alone:
            _remove_abandoned(place, cache)
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=place)
        owner = os.open(folder, os.O_RDONLY)
        with suppress(OSError):
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield Path(folder)
    finally:
        _remove(Path(folder), cache)
        os.close(owner)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _remove_abandoned(place: Path, cache: Path) -> None:
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError), _locked(folder) as abandoned:
            if abandoned:
                _remove(folder, cache)


def _remove(folder: Path, cache: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(cache / "journal" / folder.name, ignore_errors=True)


@contextmanager
def _locked(folder: Path, wait: bool = False) -> Iterator[bool]:
    """Hold the lock on a folder, and tell whether it was to be had."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            held = True
        except OSError:  # another has it, or the disk gives no locks
            held = False
        yield held
    finally:
        os.close(descriptor)
