"""What has not the expected hash is moved aside, never deleted: the hash may be the wrong one of the two."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import WeightsError
from pipeline.core.files import digest_of, file_digest
from pipeline.weights.entries import SHOWN, Entry


def set_aside(path: Path, place: Path) -> Path:
    """Move a file or folder that was, or should have come, at a place, and return where it is kept beside that: with
    the first digits of its hash in its name, so that equal bytes are kept once.
    """
    digest = _of_folder(path) if path.is_dir() else file_digest(path)
    kept = place.with_name(f"{place.name}.refused-{digest[:SHOWN]}")
    if path.is_dir() and kept.is_dir():
        shutil.rmtree(path)  # the same bytes are kept there
    else:
        os.replace(path, kept)
    return kept


def _of_folder(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_of({path.relative_to(folder).as_posix(): file_digest(path) for path in files})


@contextmanager
def kept_if_refused(entry: Entry, path: Path, place: Path) -> Iterator[None]:
    """Set aside what came for a place where a WeightsError says that it is not the entry's, and add where it is kept.

    Raises:
        WeightsError: the same, and how to take what came if the entry is mended
    """
    try:
        yield
    except WeightsError as error:
        if not path.exists():
            raise
        take = entry.by_hand.rpartition(" ")[0]
        told = f"what came is kept; if it is right, mend weights.lock and run `{take} {set_aside(path, place)}`"
        raise WeightsError(f"{error}; {told}") from error


def make_room(place: Path, sha256: str) -> None:
    """Set aside a file at a place where another hash is to lie, and say so on stderr."""
    if place.is_file() and file_digest(place) != sha256:
        told_aside(place)


def told_aside(place: Path) -> None:
    """Set aside what lies at a place, and say so on stderr."""
    print(f"{place}: had other content, which is kept: {set_aside(place, place)}", file=sys.stderr)
