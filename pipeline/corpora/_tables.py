"""Reading a table of clips: shared by the adapters whose corpus brings one, such as a `manifest.csv`."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from pipeline.core.clip import SPLITS, Clip, check_clip_id
from pipeline.core.errors import CorpusError, did_you_mean

REQUIRED = ("clip_id", "path", "speaker", "emotion")
OPTIONAL = ("split", "gender", "start", "end", "source", "corpus")


def read_clips(path: Path) -> Iterator[Clip]:
    """Yield the clips of a manifest; `emotion` is the corpus's own label.

    Raises:
        CorpusError: no manifest, a column missing, or a cell that cannot be used; names file and line
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such manifest; {_remedy(path)}")
    for where, row in read_rows(path, REQUIRED):
        yield _clip({key: row.get(key, "") for key in REQUIRED + OPTIONAL}, where)


def _remedy(path: Path) -> str:
    """Say what to do about a manifest that is not there: it may lie one level higher or lower, or have capitals in its
    name.
    """
    folder = path.parent
    near = [*folder.glob("*"), *folder.parent.glob("*"), *folder.glob("*/*")] if folder.is_dir() else []
    found = min(
        (file for file in near if file.name.lower() == path.name and file.is_file()),
        default=None,
        key=lambda file: len(file.parts),
    )
    if found is None:
        return f"write one with the columns {', '.join(REQUIRED)}, or mend the root"
    return (
        f"rename {found.name} beside it"
        if found.parent == folder
        else f"there is one in {found.parent}: set the root to that folder"
    )


def read_rows(path: Path, required: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file and line, cells by column) of a CSV file in UTF-8, separated by commas, semicolons or tabs.

    Raises:
        CorpusError: not UTF-8, or a required column missing
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as CSV in UTF-8"
        ) from error
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = [name.strip() for name in reader.fieldnames or ()]
    for name in required:
        if name not in columns:
            raise CorpusError(f"{path}:1: no column '{name}'{did_you_mean(name, columns)}")
    reader.fieldnames = columns
    for row in reader:
        yield f"{path}:{reader.line_num}", {key: (row.get(key) or "").strip() for key in columns}


def _clip(row: Mapping[str, str], where: str) -> Clip:
    for key in REQUIRED:
        if not row[key]:
            raise CorpusError(f"{where}: '{key}' is empty; fill it in or remove the row")
    check_clip_id(row["clip_id"], where)
    if row["split"] not in SPLITS:
        raise CorpusError(f"{where}: split '{row['split']}'{did_you_mean(row['split'], SPLITS[1:])}")
    inside = PurePosixPath(row["path"].replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts:
        raise CorpusError(
            f"{where}: path '{row['path']}' leaves the corpus folder; give it below the manifest's folder"
        )
    start, end = (_seconds(row[key], key, where) for key in ("start", "end"))
    if start is not None and end is not None and end <= start:
        raise CorpusError(f"{where}: end {end:g} s is not after start {start:g} s")
    return Clip(
        row["clip_id"],
        inside.as_posix(),
        row["speaker"],
        row["emotion"],
        row["split"],
        row["gender"],
        start,
        end,
        row["source"],
        row["corpus"],
    )


def _seconds(text: str, key: str, where: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise CorpusError(f"{where}: {key} '{text}' is not a number of seconds")
    return value
