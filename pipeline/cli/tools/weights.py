"""`python -m pipeline weights`: what there is, where it is, and whether it is still what it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.cli.layout import WHOLE, table, text_of
from pipeline.core.errors import WeightsError
from pipeline.core.files import atomic_path, file_digest
from pipeline.core.settings import Runtime, parse, read_params
from pipeline.core.weights_file import FILE, PUBLISHED, load_published, load_weights
from pipeline.weights.convert import state_of
from pipeline.weights.entries import SHOWN, Entry, FileEntry, TrainedEntry
from pipeline.weights.fetch import CACHE_REMEDY, cached_path, fetch, verify
from pipeline.weights.lock import Lock, pin, read_lock, writing

Row = tuple[str, str, str, str, str]
"""Of `verify`: what, file, SHA-256, state, and its origin or what is wrong with it."""
WRONG = "WRONG"


def cache_folder(params: Path) -> Path:
    """Return the folder of fetched weights that params.yaml names."""
    runtime = parse(Runtime, read_params(params).get("runtime"), f"{params}: runtime")
    return Path(runtime.weights_cache).expanduser()


def list_weights(lock: Lock, cache: Path, models: Path) -> str:
    """Return a table of all entries.

    Args:
        lock: of weights.lock
        cache: folder of fetched weights
        models: folder of the features' weights
    """
    rows = [
        (entry.name, entry.kind, f"{entry.paper}: {entry.network}", _where(entry, cache, models), entry.known or "-")
        for entry in lock.values()
    ]
    return text_of([table(["name", "kind", "for", "where", "SHA-256"], rows, range(5), WHOLE)])


def _where(entry: Entry, cache: Path, models: Path) -> str:
    if isinstance(entry, TrainedEntry):
        made = (models / entry.feature / FILE).is_file()
        return "trained here" if made else f"to train: dvc repro {entry.stage}"
    if cached_path(entry, cache).is_file():
        return "cached"
    return "to import" if isinstance(entry, FileEntry) else "not fetched"


def fetch_weights(lock: Lock, name: str, cache: Path) -> str:
    """Fetch one entry, pin its hash where only its first digits were known, and say where it is.

    Raises:
        WeightsError: no such entry, or it cannot be had
    """
    entry = lock.entry(name)
    path = fetch(entry, cache)
    return _pinned(lock, entry, file_digest(path), f"{name}: {path}")


def import_weights(lock: Lock, name: str, file: Path, cache: Path) -> str:
    """Take a file that the user has got by hand into the cache, checked, and pin its hash if it was not.

    Args:
        lock: of weights.lock
        name: entry
        file: the file, under any name
        cache: folder of fetched weights

    Raises:
        WeightsError: no such entry or file, another hash than the pinned one, damaged, or for another network
    """
    entry = lock.entry(name)
    if isinstance(entry, TrainedEntry):
        raise WeightsError(f"{name} is trained here, not imported; run `dvc repro {entry.stage}`")
    if not file.is_file():
        raise WeightsError(f"{file}: no such file to import as {name}")
    sha256 = file_digest(file)
    if entry.known and not entry.accepts(sha256):
        told = f"{lock.path} names {entry.known} for {name}"
        raise WeightsError(f"{file}: refused, SHA-256 {sha256[:SHOWN]}, but {told}; get the right file")
    if entry.format == "torch":
        state_of(entry, file)
    path = cached_path(entry, cache)
    with writing(path.parent, CACHE_REMEDY), atomic_path(path) as temporary:
        shutil.copyfile(file, temporary)
        if file_digest(temporary) != sha256:
            raise WeightsError(f"{file}: changed while it was copied; run the command again")
    return _pinned(lock, entry, sha256, f"{name}: {path}")


def _pinned(lock: Lock, entry: Entry, sha256: str, text: str) -> str:
    if entry.sha256 is None:
        pin(lock.path, entry.name, sha256)
        text = f"{text}; its hash is now pinned in {lock.path}, commit that"
    return f"{text}\nSHA-256 {sha256}\nlicence: {entry.licence}"


def verify_weights(params: Path, lock_path: Path, models: Path) -> tuple[str, bool]:
    """Hash all weights that results rest on, and all fetched files.

    Args:
        params: of params.yaml
        lock_path: of weights.lock
        models: folder of the features' weights

    Returns:
        a table, and whether nothing in it is wrong; weights that are not made yet are not wrong
    """
    settings, cache = read_params(params), cache_folder(params)
    features = [(stage, name) for stage in ("pretrain", "fetch_weights") for name in settings.get(stage) or ()]
    made = [_feature(stage, name, models / name) for stage, name in features]
    cached = [_cached(entry, cached_path(entry, cache)) for entry in read_lock(lock_path).values()]
    rows = [row for row in (*made, *cached) if row is not None]
    found = table(["weights", "file", "SHA-256", "state", "origin, or what is wrong"], rows, range(5), WHOLE)
    return text_of([found]), all(row[3] != WRONG for row in rows)


def _feature(stage: str, name: str, folder: Path) -> Row:
    published = (folder / PUBLISHED).is_file()
    file = folder / (PUBLISHED if published else FILE)
    if not folder.is_dir():
        return name, "-", "-", f"not made yet: dvc repro {stage}@{name}", "-"
    try:
        found: Any = load_published(folder) if published else load_weights(folder)
    except WeightsError as error:
        return name, str(file), "-", WRONG, str(error).removeprefix(f"{file}: ")
    return name, str(file), found.sha256, "ok", found.origin


def _cached(entry: Entry, path: Path) -> Row | None:
    if isinstance(entry, TrainedEntry) or not path.is_file():
        return None
    try:
        return entry.name, str(path), verify(entry, path), "ok", entry.origin
    except WeightsError as error:
        return entry.name, str(path), "-", WRONG, str(error).removeprefix(f"{path}: ")
