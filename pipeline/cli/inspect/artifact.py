"""Describe a file by what it is: told by its first bytes, and by its name where these say nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import ArtifactError, PipelineError, SettingsError
from pipeline.runner.layout import Part, text_of
from pipeline.runner.terminal import clean

_HEAD = 1 << 16
_BY_BYTES = {b"\x89HDF\r\n\x1a\n": "hdf5", b"PK\x03\x04": "torch", b"avemotion-checkpoint ": "checkpoint"}
_BY_BYTES |= {b"\x80" + bytes([protocol]): "pickle" for protocol in range(2, 6)}
_BY_SUFFIX = {
    ".h5": "hdf5", ".json": "json", ".csv": "csv", ".tsv": "csv", ".pt": "torch", ".joblib": "pickle", ".pkl": "pickle",
    ".dat": "blob",
}  # fmt: skip


def describe(path: Path, clip_id: str = "", fold: str = "") -> str:
    """Return what is in a file or a folder of `models/`, or in one clip of it, or in another fold than the first."""
    return text_of(_parts(path, clip_id, fold))


def _parts(path: Path, clip_id: str, fold: str) -> list[Part]:
    kind = "folder" if path.is_dir() else kind_of(path)
    if not kind:
        raise ArtifactError(f"{path}: no feature file, table, JSON or model of this pipeline; name one of those")
    if kind == "hdf5":
        from pipeline.cli.inspect import features

        return features.describe_clip(path, clip_id, fold) if clip_id else features.describe(path, fold)
    if fold:
        raise ArtifactError(f"{path}: --fold is for a feature file; leave it out")
    from pipeline.cli.inspect import documents, models, tables

    if kind in ("csv", "text"):
        return tables.describe(path, clip_id)
    if clip_id:
        raise ArtifactError(f"{path}: --clip is for a feature file or a table of clips; leave it out")
    if kind == "json":
        return documents.describe(path)
    return models.describe_folder(path) if kind == "folder" else models.describe_file(path, kind)


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
        raise ArtifactError(f"{path}: empty; delete it and run `dvc repro` for the stage that writes it")
    known = next((kind for begin, kind in _BY_BYTES.items() if head.startswith(begin)), "")
    if not known and head.lstrip()[:1] in (b"{", b"["):
        known = "json"
    return known or _BY_SUFFIX.get(path.suffix.lower()) or ("" if b"\0" in head else "text")


def check_question(option: str, clip_id: str, *files: Path) -> None:
    """Refuse what a picture or a comparison cannot be made of."""
    if bool(clip_id) != (option == "plot"):
        remedy = "name the clip with --clip ID" if option == "plot" else "it is about all clips; leave --clip out"
        raise SettingsError(f"--{option}: {remedy}")
    for path in files:
        if path.is_dir() or kind_of(path) != "hdf5":
            raise ArtifactError(f"{path}: --{option} is for feature files; name an .h5 of features/<corpus>")


@contextmanager
def clean_errors() -> Iterator[None]:
    """Keep what a file holds from reaching the terminal by way of an error that quotes it."""
    try:
        yield
    except PipelineError as error:
        raise type(error)(clean(error)) from error
