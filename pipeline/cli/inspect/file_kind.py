"""Recognise a file by its first bytes, and by its name where these say nothing."""

from __future__ import annotations

from pathlib import Path

from pipeline.core.errors import ArtifactError

_HEAD = 1 << 16
_BY_BYTES = {b"\x89HDF\r\n\x1a\n": "hdf5", b"PK\x03\x04": "torch", b"avemotion-checkpoint ": "checkpoint"}
_BY_BYTES |= {b"\x80" + bytes([protocol]): "pickle" for protocol in range(2, 6)}
_BY_SUFFIX = {
    ".h5": "hdf5", ".json": "json", ".csv": "csv", ".tsv": "csv", ".pt": "torch", ".joblib": "pickle", ".pkl": "pickle",
    ".dat": "blob",
}  # fmt: skip


def kind_of(path: Path) -> str:
    """Return hdf5, torch, checkpoint, pickle, json, csv, text, blob (another library's network) or "" for no kind."""
    try:
        if not path.is_file():
            raise ArtifactError(f"{path}: no such file; run `dvc repro` for the stage that writes it")
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        words = getattr(error, "strerror", None) or error
        raise ArtifactError(f"{path}: cannot be read ({words}); see its permissions") from error
    if not head:
        raise ArtifactError(f"{path}: empty; run `dvc repro` for the stage that writes it")
    known = next((kind for begin, kind in _BY_BYTES.items() if head.startswith(begin)), "")
    if not known and head.lstrip()[:1] in (b"{", b"["):
        known = "json"
    return known or _BY_SUFFIX.get(path.suffix.lower()) or ("" if b"\0" in head else "text")
