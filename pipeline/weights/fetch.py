"""The verified file of one entry of weights.lock, out of a cache that projects share; fetched where it is not there,
over HTTP from where an earlier attempt stopped.
"""

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
from pipeline.runner.progress import bar
from pipeline.weights.archive import extract
from pipeline.weights.aside import kept_if_refused, make_room
from pipeline.weights.entries import Entry, FileEntry, PackageEntry, TorchvisionEntry, TrainedEntry, UrlEntry
from pipeline.weights.hub import download
from pipeline.weights.hub_entry import HubEntry
from pipeline.weights.lock import check, writing

CACHE_REMEDY = "free it, or name another folder in params.yaml: runtime.weights_cache"
ATTEMPTS = 5
TIMEOUT_S = (15, 60)
"""Until a connection stands, and between two pieces of data."""
_PIECE = 1 << 16


def cached_path(entry: Entry, cache: Path) -> Path:
    """Return where an entry's file, or folder, is or would be."""
    return cache / entry.name / entry.file_name


def fetch(entry: Entry, cache: Path) -> Path:
    """Return the verified file, fetching it if need be; see `fetch_all`."""
    return fetch_all([entry], cache)[entry.name]


def fetch_all(entries: Sequence[Entry], cache: Path) -> dict[str, Path]:
    """Return the verified files by name, `<cache>/<name>/<file name>`, hashed just now, fetching them if need be.

    An archive that holds several is downloaded once. WeightsError where one cannot be had, or is another file.
    """
    with tempfile.TemporaryDirectory() as downloads:
        return {entry.name: _fetch(entry, cache, Path(downloads)) for entry in entries}


def _fetch(entry: Entry, cache: Path, downloads: Path) -> Path:
    path = cached_path(entry, cache)
    if isinstance(entry, TrainedEntry):
        raise WeightsError(f"{entry.name} is trained here, not fetched; run `dvc repro {entry.stage}`")
    if isinstance(entry, FileEntry) and (not path.is_file() or not entry.known):
        told = f"with SHA-256 {entry.sha256}" if entry.sha256 else "whose SHA-256 its first import will pin"
        wanted = f"{entry.file} ({entry.origin}), {told}, has no lasting address"
        raise WeightsError(f"{entry.name}: {wanted}; get the file and run `{entry.by_hand}`")
    if not _whole(entry, path):
        with writing(path.parent, CACHE_REMEDY):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.parent / ".lock"):
                if not _whole(entry, path):  # another process may have brought it while this one waited
                    _bring(entry, path, downloads)
    verify(entry, path)
    return path


def _whole(entry: Entry, path: Path) -> bool:
    return all(path.with_name(name).exists() for name in (path.name, *entry.beside))


def verify(entry: Entry, path: Path) -> str:
    """Return the SHA-256 of a file of the cache; WeightsError where it is not the file that weights.lock means."""
    again = entry.by_hand if entry.only_by_hand else f"python -m pipeline weights fetch {entry.name}"
    return check(entry, path, f"move it away and run `{again}`")


def _bring(entry: Entry, path: Path, downloads: Path) -> None:
    if isinstance(entry, PackageEntry):
        for name in entry.beside:  # they first: with the file itself there, all is there
            with atomic_path(path.with_name(name)) as temporary:
                extract(entry, temporary, downloads, name)
        with atomic_path(path) as temporary:
            extract(entry, temporary, downloads, path.name)
            remedy = f"check {entry.client}'s settings, or get it by hand and run `{entry.by_hand}`"
            with kept_if_refused(entry, temporary, path):
                make_room(path, check(entry, temporary, remedy, path))
    elif isinstance(entry, HubEntry):
        download(entry, path)
    elif isinstance(entry, UrlEntry | TorchvisionEntry):
        _from_net(entry, entry.url if isinstance(entry, UrlEntry) else torchvision_url(entry), path)


def _from_net(entry: Entry, url: str, path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    try:
        _download(url, part, entry.name)
    except requests.RequestException as error:
        kept = "what came so far is kept, " if part.is_file() else ""
        raise WeightsError(
            f"weights.lock: {entry.name}: {url} cannot be fetched ({_why(error)}); "
            f"{kept}try again, or download it by hand and run `{entry.by_hand}`"
        ) from error
    with kept_if_refused(entry, part, path):
        check(entry, part, f"try again, or get {url} by hand and run `{entry.by_hand}`", path)
    os.replace(part, path)


def torchvision_url(entry: TorchvisionEntry) -> str:
    """Return the address that torchvision has for an entry's weights; WeightsError where it has none, or of others."""
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


def _download(url: str, part: Path, label: str) -> None:
    """Bring `part`, which may hold what came so far, up to the whole file; it stays when this fails.

    After a cut it goes on at once, as long as each attempt brought something.
    """
    for attempt in range(1, ATTEMPTS + 1):
        before = _size(part)
        try:
            _go_on(url, part, label)
            return
        except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
            if attempt == ATTEMPTS or _size(part) <= before:
                raise


def _why(error: requests.RequestException) -> str:
    """Return what went wrong, in a few words."""
    if error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _go_on(url: str, part: Path, label: str) -> None:
    have = _size(part)
    # a compressed answer could not be taken up in the middle
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, stream=True, timeout=TIMEOUT_S, headers=headers) as answer:
        span = answer.headers.get("Content-Range", "")
        if answer.status_code == 416 and span == f"bytes */{have}":
            return  # stopped between the last byte and the check of the hash
        foreign = have and answer.status_code in (206, 416) and not span.startswith(f"bytes {have}-")
        if not foreign:
            answer.raise_for_status()
            _receive(answer, part, label)
    if foreign:
        part.unlink()  # what lies there is no beginning of this file
        _go_on(url, part, label)


def _receive(answer: requests.Response, part: Path, label: str) -> None:
    # a server that knows no ranges sends all of it, with status 200
    with part.open("ab" if answer.status_code == 206 else "wb") as file:
        have, length = file.tell(), answer.headers.get("Content-Length", "")
        with bar(label, have + int(length) if length.isdigit() else None, "B", have) as shown:
            for piece in answer.iter_content(_PIECE):
                file.write(piece)
                shown.advance(shown.task_ids[0], len(piece))
