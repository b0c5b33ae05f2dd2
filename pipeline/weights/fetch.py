"""The verified file of one entry of weights.lock, out of a cache that projects share; fetched where it is not there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import requests
from filelock import FileLock

from pipeline.core.errors import WeightsError
from pipeline.core.files import atomic_path
from pipeline.networks import torchvision_ops
from pipeline.weights.archive import extract
from pipeline.weights.download import download, why
from pipeline.weights.entries import Entry, FileEntry, PackageEntry, TorchvisionEntry, TrainedEntry, UrlEntry
from pipeline.weights.lock import check, writing

CACHE_REMEDY = "free it, or name another folder in params.yaml: runtime.weights_cache"


def cached_path(entry: Entry, cache: Path) -> Path:
    """Return where an entry's file is or would be."""
    return cache / entry.name / entry.file_name


def fetch(entry: Entry, cache: Path) -> Path:
    """Return the verified file, fetching it if need be; see `fetch_all`."""
    return fetch_all([entry], cache)[entry.name]


def fetch_all(entries: Sequence[Entry], cache: Path) -> dict[str, Path]:
    """Return the verified files by name, fetching them if need be; an archive that holds several is downloaded once.

    Args:
        entries: of weights.lock
        cache: folder of all weights (`runtime.weights_cache`)

    Returns:
        `<cache>/<name>/<file name>` of each, hashed just now

    Raises:
        WeightsError: one cannot be had, or is not the file that weights.lock means
    """
    with tempfile.TemporaryDirectory() as downloads:
        return {entry.name: _fetch(entry, cache, Path(downloads)) for entry in entries}


def _fetch(entry: Entry, cache: Path, downloads: Path) -> Path:
    path = cached_path(entry, cache)
    if isinstance(entry, TrainedEntry):
        raise WeightsError(f"{entry.name} is trained here, not fetched; run `dvc repro {entry.stage}`")
    if isinstance(entry, FileEntry) and (not path.is_file() or not entry.known):
        raise WeightsError(f"{entry.name}: {_wanted(entry)}; get the file and run `{entry.by_hand}`")
    if not path.is_file():
        _bring(entry, path, downloads)
    verify(entry, path)
    return path


def verify(entry: Entry, path: Path) -> str:
    """Hash a file of the cache and return its SHA-256.

    Raises:
        WeightsError: it is not the file that weights.lock means
    """
    again = entry.by_hand if isinstance(entry, FileEntry) else f"python -m pipeline weights fetch {entry.name}"
    return check(entry, path, f"delete it and run `{again}`")


def _wanted(entry: FileEntry) -> str:
    told = f"with SHA-256 {entry.sha256}" if entry.sha256 else "whose SHA-256 its first import will pin"
    return f"{entry.file} ({entry.origin}), {told}, has no lasting address"


def _bring(entry: Entry, path: Path, downloads: Path) -> None:
    with writing(path.parent, CACHE_REMEDY):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.parent / ".lock"):
            if not path.is_file():  # another process may have brought it while this one waited
                _bring_alone(entry, path, downloads)


def _bring_alone(entry: Entry, path: Path, downloads: Path) -> None:
    if isinstance(entry, PackageEntry):
        with atomic_path(path) as temporary:
            extract(entry, temporary, downloads)
            check(entry, temporary, f"check pip's settings, or get it by hand and run `{entry.by_hand}`", path)
    elif isinstance(entry, UrlEntry | TorchvisionEntry):
        _from_net(entry, path)


def _from_net(entry: UrlEntry | TorchvisionEntry, path: Path) -> None:
    url = entry.url if isinstance(entry, UrlEntry) else torchvision_url(entry)
    part = path.with_name(f"{path.name}.part")
    try:
        download(url, part, entry.name)
    except requests.RequestException as error:
        kept = "what came so far is kept, " if part.is_file() else ""
        raise WeightsError(
            f"weights.lock: {entry.name}: {url} cannot be fetched ({why(error)}); "
            f"{kept}try again, or download it by hand and run `{entry.by_hand}`"
        ) from error
    try:
        check(entry, part, f"try again, or get {url} by hand and run `{entry.by_hand}`", path)
    except WeightsError:
        part.unlink()
        raise
    os.replace(part, path)


def torchvision_url(entry: TorchvisionEntry) -> str:
    """Return the address that torchvision has for an entry's weights.

    Raises:
        WeightsError: this torchvision does not have them, or has others under the name
    """
    place = f"weights.lock: {entry.name}"
    family, _, member = entry.enum.partition(".")
    members = getattr(getattr(torchvision_ops.models(), family, None), "__members__", {})
    if member not in members:
        raise WeightsError(f"{place}.enum: this torchvision has no {entry.enum}; install the pinned torchvision")
    url = str(members[member].url)
    digits = Path(url).stem.rpartition("-")[2]  # its file names end in the first digits of the SHA-256
    if entry.sha256_prefix and digits != entry.sha256_prefix:
        raise WeightsError(
            f"{place}.sha256_prefix: torchvision has {digits} for {entry.enum}, not {entry.sha256_prefix}; "
            "install the pinned torchvision"
        )
    return url
