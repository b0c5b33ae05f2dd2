"""Describe a file by what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.cli.inspect.file_kind import kind_of
from pipeline.core.errors import ArtifactError, PipelineError, SettingsError, clean
from pipeline.runner.layout import Part, text_of


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
