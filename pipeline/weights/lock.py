"""weights.lock: which published and trained weights there are, where each comes from, and the hash it must have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import SettingsError, WeightsError, did_you_mean
from pipeline.core.files import atomic_path, file_digest
from pipeline.core.settings import parse
from pipeline.core.yaml_text import parsed
from pipeline.weights.entries import SHOWN, Entry, FileEntry, PackageEntry, TorchvisionEntry, TrainedEntry, UrlEntry
from pipeline.weights.hub import check_folder
from pipeline.weights.hub_entry import HubEntry

KINDS: dict[str, type[Entry]] = {
    "torchvision": TorchvisionEntry,
    "url": UrlEntry,
    "package": PackageEntry,
    "file": FileEntry,
    "hub": HubEntry,
    "trained": TrainedEntry,
}

_EMPTY_HASH = re.compile(r"^(\s+sha256:)\s*(?:null|~)?(\s*(?:\s#.*)?)$")


class Lock(dict[str, Entry]):
    """All entries of weights.lock by name, in the order of the file."""

    def __init__(self, path: Path, entries: Mapping[str, Entry]) -> None:
        super().__init__(entries)
        self.path = path

    def entry(self, name: str) -> Entry:
        """Return one entry; WeightsError where there is none, with the nearest name."""
        if name not in self:
            raise WeightsError(f"{self.path}: no weights '{name}'{did_you_mean(name, self)}")
        return self[name]


def read_lock(path: Path) -> Lock:
    """Read weights.lock; SettingsError where it is absent, not YAML, or an entry is not well-formed."""
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; run from the project's root folder")
    return _parse(path, path.read_bytes())


def _parse(path: Path, raw: bytes) -> Lock:
    try:
        data = parsed(raw.decode("utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected one block per network")
    return Lock(path, {str(name): _entry(path, str(name), block) for name, block in data.items()})


def _entry(path: Path, name: str, block: Any) -> Entry:
    place = f"{path}: {name}"
    if not isinstance(block, Mapping):
        raise SettingsError(f"{place}: expected a block of settings (got {block!r})")
    kind = str(block.get("kind"))
    if kind not in KINDS:
        raise SettingsError(f"{place}.kind: no kind '{kind}'{did_you_mean(kind, KINDS)}")
    if "name" in block:
        raise SettingsError(f"{place}.name: no such setting; the key of the block is the name")
    entry = parse(KINDS[kind], {**block, "name": name}, place)
    if entry.sha256 and entry.sha256_prefix and not entry.sha256.startswith(entry.sha256_prefix):
        raise SettingsError(f"{place}.sha256: does not begin with sha256_prefix {entry.sha256_prefix}")
    if kind not in ("file", "trained") and not entry.known:
        raise SettingsError(f"{place}.sha256: give it or sha256_prefix; only kind 'file' may wait for its first import")
    if kind == "trained" and entry.known:
        raise SettingsError(f"{place}.sha256: what is trained here has a hash of its own each time; leave it out")
    return entry


def pin(path: Path, name: str, sha256: str) -> None:
    """Write a hash into an entry's empty `sha256:` line of weights.lock, whole or not at all; every other byte stays.

    WeightsError where another hash is pinned, the entry has no such line, or the file cannot be written.
    """
    entry = read_lock(path).entry(name)
    if entry.sha256 == sha256:
        return
    if entry.sha256:
        raise WeightsError(f"{path}: {name}.sha256: {entry.known} is pinned, not {sha256[:SHOWN]}; edit it by hand")
    lines = path.read_bytes().decode("utf-8").splitlines(keepends=True)
    raw = "".join(_with_hash(lines, name, sha256)).encode("utf-8")
    if _parse(path, raw).entry(name).sha256 != sha256:
        raise WeightsError(f"{path}: {name}: no line `sha256: null` to pin {sha256} in; write it there by hand")
    with writing(path, "make it writable"), atomic_path(path) as temporary:
        temporary.write_bytes(raw)


def append(path: Path, name: str, block: Mapping[str, Any]) -> Entry:
    """Write a new entry behind the others of weights.lock, and return it; WeightsError where the name is taken,
    SettingsError where the block is not well-formed: then nothing is written.
    """
    if name in read_lock(path):
        raise WeightsError(f"{path}: there are weights '{name}' already; take another name, or rename that block")
    raw = path.read_bytes()
    more = yaml.safe_dump({name: dict(block)}, sort_keys=False, allow_unicode=True, width=1000).encode("utf-8")
    whole = raw.rstrip(b"\n") + b"\n\n" + more
    entry = _parse(path, whole).entry(name)
    with writing(path, "make it writable"), atomic_path(path) as temporary:
        temporary.write_bytes(whole)
    return entry


def _with_hash(lines: list[str], name: str, sha256: str) -> Iterator[str]:
    inside = False
    for line in lines:
        body = line.rstrip("\r\n")
        if body and not body[0].isspace() and not body.startswith("#"):
            inside = body.startswith(f"{name}:")
        found = _EMPTY_HASH.match(body) if inside else None
        yield f'{found[1]} "{sha256}"{found[2]}{line[len(body) :]}' if found else line


def check(entry: Entry, path: Path, remedy: str, shown: Path | None = None) -> str:
    """Return the SHA-256 of a file, or what stands for those of a folder; WeightsError where it, or one beside it, is
    not the entry's. The message ends with `remedy` and names the path `shown`, where `path` is temporary.
    """
    if isinstance(entry, HubEntry):
        return check_folder(entry, path, remedy, shown)
    found = file_digest(path)
    if not entry.accepts(found):
        told = f"weights.lock {f'names {entry.known}' if entry.known else 'has pinned none'} for {entry.name}"
        raise WeightsError(f"{shown or path}: refused, SHA-256 {found[:SHOWN]}, but {told}; {remedy}")
    check_beside(entry, path, remedy)
    return found


def check_beside(entry: Entry, path: Path, remedy: str) -> None:
    """Raise a WeightsError where a file that belongs beside an entry's is missing there or is another one."""
    for name, sha256 in entry.beside.items():
        other = path.with_name(name)
        if not other.is_file():
            raise WeightsError(f"{other}: no such file, but weights.lock: {entry.name}.beside names it; {remedy}")
        if not entry.accepts(found := file_digest(other), name):
            told = f"weights.lock: {entry.name}.beside says {sha256[:SHOWN]}"
            raise WeightsError(f"{other}: refused, SHA-256 {found[:SHOWN]}, but {told}; {remedy}")


@contextmanager
def writing(path: Path, remedy: str) -> Iterator[None]:
    """Turn an OSError into a WeightsError: a file or folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise WeightsError(f"{path}: cannot be written ({error.strerror or type(error).__name__}); {remedy}") from error
