"""Published networks for tests, from the cache that all projects share; fetched where they are not there."""

from __future__ import annotations

import atexit
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from helpers.project import ROOT
from pipeline.core.errors import WeightsError
from pipeline.core.settings import Runtime
from pipeline.weights.entries import Entry
from pipeline.weights.fetch import cached_path, fetch
from pipeline.weights.lock import read_lock
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


@cache
def _published(names: tuple[str, ...]) -> Path | str:
    folder = Path(mkdtemp(prefix="weights-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    lock = read_lock(ROOT / "weights.lock")
    try:
        publish([lock.entry(name) for name in names], Path(Runtime().weights_cache).expanduser(), folder, "a test")
    except WeightsError as error:
        return str(error)
    return folder
