"""Recognise a file by its content, and describe it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.cli.inspect.sniff import kind_of
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
        lines = _of_folder(path, clip_id, fold) if path.is_dir() else _of_file(path, clip_id, fold)
        return "\n".join(map(clean, lines))


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


def _of_folder(path: Path, clip_id: str, fold: str) -> list[str]:
    from pipeline.cli.inspect.models import describe_folder

    _refuse(path, clip_id=clip_id, fold=fold)
    return describe_folder(path)


def _of_file(path: Path, clip_id: str, fold: str) -> list[str]:
    kind = kind_of(path)
    if kind == "hdf5":
        from pipeline.cli.inspect import features

        return features.describe_clip(path, clip_id, fold) if clip_id else features.describe(path, fold)
    _refuse(path, fold=fold)
    if kind in ("csv", "text"):
        from pipeline.cli.inspect.tables import describe as describe_table

        return describe_table(path, clip_id)
    _refuse(path, clip_id=clip_id)
    if kind == "json":
        from pipeline.cli.inspect.documents import describe as describe_document

        return describe_document(path)
    if kind:
        from pipeline.cli.inspect.models import describe_file

        return describe_file(path, kind)
    raise ArtifactError(f"{path}: no feature file, table, JSON or model of this pipeline; name one of those")


def _refuse(path: Path, clip_id: str = "", fold: str = "") -> None:
    for option, value, where in (
        ("--clip", clip_id, "a feature file or a table of clips"),
        ("--fold", fold, "a feature file"),
    ):
        if value:
            raise ArtifactError(f"{path}: {option} is for {where}; leave it out")
