"""CSV files, row by row: a file of any size needs the memory of one row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import ArtifactError

Row = dict[str, str]


class Table:
    """The rows of an open CSV file.

    Attributes:
        path: the file
        columns: their names
    """

    def __init__(self, path: Path, lines: Iterator[list[str]]) -> None:
        self.path, self._lines = path, lines
        self.columns = next(lines, [])
        if not self.columns or len(set(self.columns)) < len(self.columns):
            raise ArtifactError(
                f"{path}: no table: its first line does not name columns, each once; rerun its stage with `dvc repro -f`"
            )

    def __iter__(self) -> Iterator[Row]:
        for number, line in enumerate(self._lines, 2):
            if line and len(line) != len(self.columns):
                raise ArtifactError(
                    f"{self.path}: row {number} has {len(line)} fields where the first line names {len(self.columns)}, damaged or cut off; "
                    "rerun its stage with `dvc repro -f`"
                )
            if line:
                yield dict(zip(self.columns, line, strict=True))

    def number(self, row: Row, name: str) -> float:
        """Return a field as a number.

        Raises:
            ArtifactError: it is none
        """
        try:
            return float(row[name])
        except ValueError as error:
            raise ArtifactError(
                f"{self.path}: {name} is {row[name]!r}, not a number; rerun its stage with `dvc repro -f`"
            ) from error


@contextmanager
def opened(path: Path) -> Iterator[Table]:
    """Give the rows of a CSV file, or of one with tabs.

    Raises:
        ArtifactError: not text, no table, or cut off in the middle of a row, also where that shows only while it is
            read
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            delimiter = "\t" if "\t" in file.readline(1 << 16) else ","
            file.seek(0)
            yield Table(path, csv.reader(file, delimiter=delimiter, strict=True))
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        words = " ".join(str(error).split())[:120]
        raise ArtifactError(f"{path}: not a readable table ({words}); rerun its stage with `dvc repro -f`") from error
