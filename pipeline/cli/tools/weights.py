"""`python -m pipeline weights`: what there is, where it is, and whether it is still what it was."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.core.errors import WeightsError
from pipeline.core.files import atomic_path, file_digest
from pipeline.core.settings import read_params
from pipeline.core.weights_file import FILE, PUBLISHED, load_published, load_weights
from pipeline.runner.layout import WHOLE, table, text_of
from pipeline.weights.activation import checked_state
from pipeline.weights.aside import make_room
from pipeline.weights.entries import SHOWN, Entry, TrainedEntry
from pipeline.weights.fetch import CACHE_REMEDY, cached_path, fetch, verify
from pipeline.weights.hub import block, copy_folder, files_in, network_in, told_by
from pipeline.weights.hub_entry import HubEntry
from pipeline.weights.lock import Lock, append, check_beside, pin, read_lock, writing
from pipeline.weights.published import ignored_words

Row = tuple[str, str, str, str, str]
"""Of `verify`: what, file, SHA-256, state, and its origin or what is wrong with it."""
WRONG = "WRONG"


def list_weights(lock_path: Path, cache: Path, models: Path) -> str:
    """Return a table of all entries."""
    rows = []
    for entry in read_lock(lock_path).values():
        where = "to import" if entry.only_by_hand else "not fetched"
        if isinstance(entry, TrainedEntry):
            made = (models / entry.feature / FILE).is_file()
            where = "trained here" if made else f"to train: dvc repro {entry.stage}"
        elif cached_path(entry, cache).exists():
            where = "cached"
        rows.append((entry.name, entry.kind, f"{entry.paper}: {entry.network}", where, entry.known or "-"))
    return text_of([table(["name", "kind", "for", "where", "SHA-256"], rows, range(5), WHOLE)])


def fetch_weights(lock_path: Path, name: str, cache: Path) -> str:
    """Fetch one entry, pin its hash where only its first digits were known, and say where it is."""
    lock = read_lock(lock_path)
    entry = lock.entry(name)
    path = fetch(entry, cache)
    if isinstance(entry, HubEntry):
        return _brought(entry, path)
    return _pinned(lock, entry, file_digest(path), path)


def import_weights(lock_path: Path, name: str, file: Path, cache: Path) -> str:
    """Take a file or folder that the user has got by hand into the cache, checked, and pin its hash if it was not."""
    lock = read_lock(lock_path)
    entry = lock.entry(name)
    if isinstance(entry, TrainedEntry):
        raise WeightsError(f"{name} is trained here, not imported; run `dvc repro {entry.stage}`")
    if isinstance(entry, HubEntry):
        return _import_folder(entry, file, cache)
    if not file.is_file():
        raise WeightsError(f"{file}: no such file to import as {name}")
    sha256 = file_digest(file)
    if entry.known and not entry.accepts(sha256):
        told = f"{lock.path} names {entry.known} for {name}"
        raise WeightsError(f"{file}: refused, SHA-256 {sha256[:SHOWN]}, but {told}; get the right file")
    check_beside(entry, file, f"put it beside {file.name}")
    ignored = checked_state(entry, file)[1] if entry.format != "dlib" else []
    path = cached_path(entry, cache)
    for source, wanted in {**{file.with_name(name): its for name, its in entry.beside.items()}, file: sha256}.items():
        target = path if source == file else path.with_name(source.name)
        with writing(path.parent, CACHE_REMEDY), atomic_path(target) as temporary:
            shutil.copyfile(source, temporary)
            if file_digest(temporary) != wanted:
                raise WeightsError(f"{source}: changed while it was copied; run the command again")
            make_room(target, wanted)
    return _pinned(lock, entry, sha256, path, ignored_words(ignored))


def add_weights(
    lock_path: Path, name: str, folder: Path, cache: Path, words: tuple[str, str], place: tuple[str | None, str | None]
) -> str:
    """Write an entry of kind `hub` for a folder into the registry, and take its files into the cache.

    `words` are its licence and who trained it on what; `place` its repository and revision, each None where the folder
    tells it or has none.
    """
    files = files_in(folder)
    told = told_by(folder)
    repository, revision = place[0] or told[0], place[1] or (told[1] if place[0] or told[0] else None)
    if repository and not revision:
        raise WeightsError(f"{folder}: does not tell the revision of {repository}; give it by --revision, 40 digits")
    entry = append(lock_path, name, block(network_in(folder), *words, (repository, revision), files))
    assert isinstance(entry, HubEntry)  # for the checker of types
    kept = f"entry {name} is now in {lock_path}, commit that; a block of params.yaml: docs/published-encoders.md"
    return f"{_import_folder(entry, folder, cache)}\n{kept}"


def _import_folder(entry: HubEntry, folder: Path, cache: Path) -> str:
    path = cached_path(entry, cache)
    with writing(path.parent, CACHE_REMEDY):
        copy_folder(entry, folder, path)
    return _brought(entry, path)


def _brought(entry: HubEntry, path: Path) -> str:
    return f"{entry.name}: {path}, {len(entry.files)} files ({entry.source})\nlicence: {entry.licence}"


def _pinned(lock: Lock, entry: Entry, sha256: str, path: Path, ignored: str = "") -> str:
    text = f"{entry.name}: {path}{ignored}"
    if entry.sha256 is None:
        pin(lock.path, entry.name, sha256)
        text = f"{text}; its hash is now pinned in {lock.path}, commit that"
    return f"{text}\nSHA-256 {sha256}\nlicence: {entry.licence}"


def verify_weights(params: Path, lock_path: Path, cache: Path, models: Path) -> tuple[str, bool]:
    """Hash all weights that results rest on, and all fetched files; return a table, and whether nothing is wrong."""
    settings = read_params(params)
    features = [(stage, name) for stage in ("pretrain", "fetch_weights") for name in settings.get(stage) or ()]
    rows = [_feature(stage, name, models / name) for stage, name in features]
    for entry in read_lock(lock_path).values():
        if not isinstance(entry, TrainedEntry) and (path := cached_path(entry, cache)).exists():
            rows.append(_cached(entry, path))
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


def _cached(entry: Entry, path: Path) -> Row:
    try:
        return entry.name, str(path), verify(entry, path), "ok", entry.origin
    except WeightsError as error:
        return entry.name, str(path), "-", WRONG, str(error).removeprefix(f"{path}: ")
