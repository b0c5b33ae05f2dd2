"""What a page shows beside the fields of a table: matrices and lists of plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix on the page, or another one with a row per name.

    Attributes:
        title: whose it is; "" where the figure's caption says it
        classes: of the columns
        rows: of `pipeline.reporting.html.page.heat` or `shares`
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
