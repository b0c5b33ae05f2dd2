"""CSV files, row by row, so that a table of posteriors of any size needs the memory of one row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import ArtifactError

Row = dict[str, str]
_RERUN = "rerun its stage with `dvc repro -f`"


class CsvTable:
    """The rows of an open CSV file, and the names of its columns."""

    def __init__(self, path: Path, lines: Iterator[list[str]]) -> None:
        self.path, self._lines, self.columns = path, lines, next(lines, [])
        if not self.columns or len(set(self.columns)) < len(self.columns):
            raise ArtifactError(f"{path}: no table: its first line does not name columns, each once; {_RERUN}")

    def __iter__(self) -> Iterator[Row]:
        wanted = len(self.columns)
        for number, line in enumerate(self._lines, 2):
            if line and len(line) != wanted:
                said = f"row {number} has {len(line)} fields where the first line names {wanted}, damaged or cut off"
                raise ArtifactError(f"{self.path}: {said}; {_RERUN}")
            if line:
                yield dict(zip(self.columns, line, strict=True))

    def number(self, row: Row, name: str) -> float:
        """Return a field as a number, or say that it is none."""
        try:
            return float(row[name])
        except ValueError as error:
            raise ArtifactError(f"{self.path}: {name} is {row[name]!r}, not a number; {_RERUN}") from error


@contextmanager
def opened(path: Path) -> Iterator[CsvTable]:
    """Give the rows of a CSV file, or of one with tabs; damage is one line also where only reading on shows it."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            delimiter = "\t" if "\t" in file.readline(1 << 16) else ","
            file.seek(0)
            yield CsvTable(path, csv.reader(file, delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise ArtifactError(f"{path}: not a readable table ({' '.join(str(error).split())[:120]}); {_RERUN}") from error
