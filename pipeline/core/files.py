"""Files that are either whole or absent, and their digests."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` that replaces it once the block ends without an error.

    A process that is killed leaves at most the temporary file (`clear_temporaries`); a reader never sees half a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{_mark(path)}{uuid.uuid4().hex}.tmp{path.suffix}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_temporaries(path: Path) -> None:
    """Delete what killed processes left of `path`; nobody else must be writing it."""
    for left in path.parent.glob(f".{_mark(path)}{'?' * 32}.tmp*"):
        left.unlink(missing_ok=True)


def _mark(path: Path) -> str:
    """Return a few letters that tell the temporary files of one path from those of its neighbours."""
    return hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """Return one spelling per value: sorted keys, no spaces; for cache keys and HDF5 attributes.

    >>> canonical_json({"k": 1024, "a": [1, 2]})
    '{"a":[1,2],"k":1024}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write UTF-8 CSV, whole or not at all; None is an empty cell."""
    with atomic_path(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
