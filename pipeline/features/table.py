"""Features that another tool wrote into a table, one row per clip: the file, and the per-clip job of its stage.

The table is a CSV: a column that names the clip, and columns of numbers, such as means of action units by OpenFace. A
column without any number in it is text and is left out. Nothing of it is computed here, so that there is no plugin: the
columns are the file's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pydantic import Field

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.settings import Settings
from pipeline.core.spelling import plain, shown
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.tables import each, read_rows
from pipeline.engine.code_digest import code_digest


class TableParams(Settings):
    """`extract_table.<feature>`."""

    tables: Mapping[str, str] = Field(
        min_length=1,
        description="corpus -> CSV file with one row per clip; other corpora have no such feature",
    )
    key: str = Field(
        "clip_id",
        min_length=1,
        description="column with the clip's id, or its file's name without suffix",
    )


@dataclass(frozen=True)
class Table:
    """Columns of numbers, and (number of the line, values) by key."""

    path: Path
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[int, tuple[float, ...]]]

    def of(self, clip: Clip) -> tuple[float, ...] | None:
        """Return a clip's values, by its id or by the name of its file where it is all of that; None without a row."""
        whole = clip.start is None and clip.end is None
        found = self.rows.get(clip.clip_id) or (self.rows.get(PurePosixPath(clip.path).stem) if whole else None)
        return found[1] if found else None


def read_table(path: Path, key: str) -> Table:
    """Return the table of a file.

    Raises:
        CorpusError: no such file, not CSV, no column `key`, a key twice, a cell that is no finite number in a column
            that has numbers, or no such column; names file and line
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such table; put it there, or mend extract_table in params.yaml")
    rows: dict[str, tuple[str, Mapping[str, str]]] = {}
    for where, cells in read_rows(path, (key,), (key,)):
        name = cells[key]
        if name in rows:
            raise CorpusError(f"{where}: {key} '{name}' stands in line {_line(rows[name][0])}, too; remove one of them")
        rows[name] = where, cells
    others = [name for name in next(iter(rows.values()), ("", {}))[1] if name != key]
    columns = tuple(name for name in others if any(_is_number(cells[name]) for _, cells in rows.values()))
    if not columns:
        raise CorpusError(f"{path}:1: no column of numbers beside '{key}'; check the file and its separator")
    values = each(rows.values(), partial(_values, columns))
    return Table(path, columns, dict(zip(rows, values, strict=True)))


def _line(where: str) -> int:
    return int(where.rsplit(":", 1)[1])


def _values(columns: Sequence[str], where: str, cells: Mapping[str, str]) -> tuple[int, tuple[float, ...]]:
    return _line(where), tuple(_number(cells[column], column, where) for column in columns)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str, column: str, where: str) -> float:
    if not _is_number(text):
        raise CorpusError(f"{where}: {column} '{text}' is no number; mend the cell, or remove the row or the column")
    return float(text)


@dataclass(frozen=True)
class TableJob:
    """One feature of a table, clip by clip; see `pipeline.engine.run.Job`."""

    feature: str
    params: TableParams
    path: Path

    @cached_property
    def table(self) -> Table:
        """The table, read once in a process."""
        return read_table(self.path, self.params.key)

    @property
    def stage(self) -> str:
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        return code_digest("pipeline.features.table")

    def parts(self, clip: Clip) -> dict[str, Any]:
        return {"stage": self.stage, "input": [self.table.columns, self.table.of(clip)], "code": self.version}

    def load(self, clip: Clip) -> tuple[float, ...]:
        found = self.table.of(clip)
        if found is None:
            near = [key for key in self.table.rows if plain(key) == plain(clip.clip_id)]
            hint = f"; its {self.params.key} {shown(near[0], clip.clip_id)} is written otherwise" if near else ""
            raise ClipError("no_input", f"{self.path.name} has no row for it{hint}")
        return found

    def compute(
        self,
        clip: Clip,  # noqa: ARG002
        loaded: tuple[float, ...],
        notes: list[str],  # noqa: ARG002
    ) -> Iterator[ClipFeatures]:
        """Yield the clip's row (1, D); the table tells no time, so that it is 0 s."""
        yield ClipFeatures(np.array([loaded], np.float32), np.zeros(1), np.ones(1, bool))

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file."""
        columns, told = self.table.columns, {"key": self.params.key}
        origin = "a table by another tool"
        return FeatureMeta(
            self.feature, len(columns), "float32", columns=columns, version=self.version, params=told, origin=origin
        )

    def check(self, clips: Iterable[Clip]) -> None:
        """Refuse a table without a row for any of the clips, by a CorpusError."""
        if not any(self.table.of(clip) for clip in clips):
            first = min(self.table.rows.items(), key=lambda row: row[1][0])
            raise CorpusError(
                f"{self.path}:{first[1][0]}: {self.params.key} '{first[0]}' is no clip of the corpus, nor is any below "
                "it; keys are clip ids or names of files without suffix"
            )
