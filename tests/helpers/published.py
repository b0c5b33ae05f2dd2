"""Published networks for tests, from the cache that all projects share; fetched where they are not there."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
from filelock import FileLock

from helpers.project import ROOT
from pipeline.core.errors import WeightsError
from pipeline.core.settings import Runtime
from pipeline.weights.entries import Entry, PackageEntry
from pipeline.weights.fetch import cached_path, fetch, fetch_all
from pipeline.weights.lock import Lock, read_lock
from pipeline.weights.published import publish


def published(*names: str) -> Path:
    """Return a folder as `fetch_weights` writes it; skips the test where the files cannot be had."""
    folder = _published(names)
    if isinstance(folder, str):
        pytest.skip(f"published weights cannot be had here: {folder}")
    return folder


def in_cache(name: str) -> tuple[Entry, Path]:
    """Return an entry and its verified file; skips the test where the cache lacks it: nothing is fetched."""
    entry, cache_folder = read_lock(ROOT / "weights.lock").entry(name), Path(Runtime().weights_cache).expanduser()
    if not cached_path(entry, cache_folder).is_file():
        pytest.skip(f"{name} is not in the cache: python -m pipeline weights fetch {name}")
    return entry, fetch(entry, cache_folder)


def _bring_packages(entries: list[Entry], lock: Lock, cache_folder: Path) -> None:
    """Fetch all that a package holds where one of its files lacks: modules that ask for one file each would have it
    downloaded and unpacked for each of them.
    """
    for package in {one.package for one in entries if isinstance(one, PackageEntry)}:
        of_it = [one for one in lock.values() if isinstance(one, PackageEntry) and one.package == package]
        if not all(cached_path(one, cache_folder).is_file() for one in of_it):
            cache_folder.mkdir(parents=True, exist_ok=True)
            with FileLock(cache_folder / f".{package.replace('/', '-')}.lock"):
                fetch_all(of_it, cache_folder)


@cache
def _published(names: tuple[str, ...]) -> Path | str:
    folder = Path(mkdtemp(prefix="weights-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    lock, cache_folder = read_lock(ROOT / "weights.lock"), Path(Runtime().weights_cache).expanduser()
    entries = [lock.entry(name) for name in names]
    try:
        _bring_packages(entries, lock, cache_folder)
        publish(entries, cache_folder, folder, "a test")
    except WeightsError as error:
        return str(error)
    return folder
