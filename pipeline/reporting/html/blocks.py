"""What a page shows beside the fields of a table: matrices and lists of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from pipeline.evaluation.metrics import percentages

Rows = list[Mapping[str, Any]]
"""Of a matrix: name, clips as `total` where they are known, and per cell its text and its share of the row in %."""


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix on the page, or another one with a row per name.

    Attributes:
        title: whose it is; "" where the figure's caption says it
        classes: of the columns
        rows: as `heat`, `shares` or `counted` return them
        last: heading of a further column, which is the value of this key in each row; "" for none
        reason: why there are no rows; "" where there are
    """

    title: str
    classes: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    last: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Listing:
    """Rows of text on the page.

    Attributes:
        title: what it lists
        columns: headings
        rows: of as many texts as there are headings
        marked: numbers of the rows that stand out
        closed: whether a reader has to open it
        note: how to read it
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: Sequence[int] = ()
    closed: bool = False
    note: str = ""


def heat(counts: np.ndarray, classes: Sequence[str]) -> Rows:
    """Return the rows of a confusion matrix in whole %, with the clips of each cell."""
    rows: Rows = []
    for name, row in zip(classes, counts, strict=True):
        total = int(row.sum())
        rounded = [round(100 * int(n) / total) if total else 0 for n in row]
        cells = [{"count": int(n), "share": share, "text": f"{share} %"} for n, share in zip(row, rounded, strict=True)]
        rows.append({"name": name, "total": total, "cells": cells})
    return rows


def shares(figures: np.ndarray, classes: Sequence[str], totals: Sequence[int] | None = None) -> Rows:
    """Return the rows of a confusion matrix with two decimals, as papers print them.

    Args:
        figures: (C, C), % of the rows; NaN in a row without clips
        classes: of rows and columns
        totals: (C,) clips of the rows; None where they are not known
    """
    rows: Rows = []
    for number, (name, row) in enumerate(zip(classes, figures, strict=True)):
        cells = [{"share": 0.0 if isnan(x) else float(x), "text": "-" if isnan(x) else f"{x:.2f}"} for x in row]
        rows.append({"name": name, "cells": cells, **({} if totals is None else {"total": int(totals[number])})})
    return rows


def counted(counts: np.ndarray, classes: Sequence[str], in_percent: bool = False) -> Rows:
    """Return the rows of a confusion matrix as clips, or with `in_percent` as `shares` does, and the clips of
    each row.
    """
    rows = shares(percentages(counts), classes, counts.sum(axis=1).tolist())
    if not in_percent:
        for row, clips in zip(rows, counts, strict=True):
            for cell, n in zip(row["cells"], clips, strict=True):
                cell["text"] = str(int(n))
    return rows
