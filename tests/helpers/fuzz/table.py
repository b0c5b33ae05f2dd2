"""A table as it was, and after one edit."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator
Rows = Mapping[str, Any]
"""Key of a row -> what was read of it."""


@dataclass(frozen=True)
class Table:
    """A kind of table.

    Attributes:
        path: its place in the folder
        rows: cells, the first row the heading where it has one
        heading: rows of the heading, 0 or 1
        delimiter: between cells; "" where a row is one cell
        key: column (or columns) that tell the row
        read: folder -> what was read of each row, by its key
        others: further files, path -> bytes
    """

    path: str
    rows: tuple[tuple[str, ...], ...]
    key: tuple[int, ...]
    read: Callable[[Path], Rows]
    heading: int = 1
    delimiter: str = ","
    others: Mapping[str, bytes] = ()  # type: ignore[assignment]

    def key_of(self, row: int) -> str:
        return "|".join(self.rows[row][at] for at in self.key)

    def text(self, rows: list[list[str]]) -> str:
        if self.delimiter != ",":
            return "".join(f"{self.delimiter.join(row)}\n" for row in rows)
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows(rows)
        return file.getvalue()


@dataclass(frozen=True)
class Edited:
    """A table after one edit.

    Attributes:
        rule: what kind of table, and the edit
        table: as it was
        data: its bytes now
        touched: rows that may be read in another way, or not at all
    """

    rule: str
    table: Table
    data: bytes
    touched: frozenset[int]
