"""Describe a file by what it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.cli.inspect.file_kind import kind_of
from pipeline.cli.layout import Part, text_of
from pipeline.core.errors import ArtifactError, PipelineError, SettingsError
from pipeline.runner.terminal import clean


def describe(path: Path, clip_id: str = "", fold: str = "") -> str:
    """Return what is in a file or a model's folder, as text.

    Args:
        path: a file that a stage wrote, or a folder in `models/`
        clip_id: one clip of it, where it holds clips; "" = all of it
        fold: one fold of a feature that is learned per fold; "" = the first

    Raises:
        ArtifactError: absent, damaged, none of ours, or no such clip in it
    """
    with clean_errors():
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
    if kind in ("csv", "text"):
        from pipeline.cli.inspect import tables

        return tables.describe(path, clip_id)
    if clip_id:
        raise ArtifactError(f"{path}: --clip is for a feature file or a table of clips; leave it out")
    if kind == "json":
        from pipeline.cli.inspect import documents

        return documents.describe(path)
    from pipeline.cli.inspect import models

    return models.describe_folder(path) if kind == "folder" else models.describe_file(path, kind)


def check_question(path: Path, option: str, clip_id: str) -> None:
    """Refuse what a picture or a comparison cannot be made of.

    Raises:
        ArtifactError, SettingsError: another kind of file, or a clip named where all are meant, or none for its picture
    """
    if bool(clip_id) != (option == "plot"):
        remedy = "name the clip with --clip ID" if option == "plot" else "it is about all clips; leave --clip out"
        raise SettingsError(f"--{option}: {remedy}")
    check_features(path, f"--{option}")


def check_features(path: Path, option: str) -> None:
    """Refuse a file that holds no features, for what only those can show.

    Raises:
        ArtifactError: absent, or of another kind
    """
    if path.is_dir() or kind_of(path) != "hdf5":
        raise ArtifactError(f"{path}: {option} is for feature files; name an .h5 of features/<corpus>")


@contextmanager
def clean_errors() -> Iterator[None]:
    """Keep what a file holds from reaching the terminal by way of an error that quotes it."""
    try:
        yield
    except PipelineError as error:
        raise type(error)(clean(error)) from error
