"""What kind of file it is, by its first bytes; names are believed only where bytes say nothing."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import ArtifactError

_HEAD = 1 << 16
_BY_SUFFIX = {
    ".h5": "hdf5", ".json": "json", ".csv": "csv", ".tsv": "csv", ".pt": "torch", ".joblib": "pickle", ".pkl": "pickle", ".dat": "blob",
}  # fmt: skip


def kind_of(path: Path) -> str:
    """Return hdf5, torch, checkpoint, pickle, json, csv, text, blob (a network of another library) or "" for none of
    these.

    Raises:
        ArtifactError: absent, empty or not readable
    """
    head = _head(path)
    if not head:
        raise ArtifactError(f"{path}: empty; delete it and run `dvc repro` for the stage that writes it")
    return _by_bytes(head) or _BY_SUFFIX.get(path.suffix.lower()) or ("" if b"\0" in head else "text")


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ArtifactError(f"{path}: no such file; run `dvc repro` for the stage that writes it")
        with path.open("rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ArtifactError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}); see its permissions"
        ) from error


def _by_bytes(head: bytes) -> str:
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if head.startswith(b"PK\x03\x04"):
        return "torch"
    if head.startswith(b"avemotion-checkpoint "):
        return "checkpoint"
    if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    return "json" if head.lstrip()[:1] in (b"{", b"[") else ""
