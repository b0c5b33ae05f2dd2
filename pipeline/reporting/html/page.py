"""Self-contained HTML pages, every text of a corpus escaped, and what they show in tables: text, matrices, lists."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.core.decimals import decimal, percent
from pipeline.core.files import atomic_path
from pipeline.evaluation.metrics import percentages
from pipeline.reporting.html.charts import shortened

SECTION = "section.html"
"""A page as a part of the page that `results` makes of it; its addresses begin at the folder of the corpus."""
CONTENTS, FURTHER = Markup("<!-- contents -->"), Markup("<!-- further parts -->")
"""Where that page puts a list of the parts, and further parts."""
Rows = list[Mapping[str, Any]]
"""Of a matrix: name, clips as `total` where they are known, and per cell its text and its share of the row in %."""


@dataclass(frozen=True)
class Matrix:
    """A confusion matrix on the page, or another one with a row per name."""

    title: str  # whose it is; "" where the figure's caption says it
    classes: Sequence[str]  # of the columns
    rows: Sequence[Mapping[str, Any]]  # as `heat`, `shares` or `counted` return them
    last: str = ""  # heading of a further column, which is the value of this key in each row; "" for none
    reason: str = ""  # why there are no rows


@dataclass(frozen=True)
class Listing:
    """Rows of text on the page, each of as many texts as there are columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: Sequence[int] = ()  # numbers of the rows that stand out
    closed: bool = False  # a reader has to open it
    note: str = ""  # how to read it

    @property
    def texts(self) -> frozenset[int]:
        """Numbers of the columns that hold words, such as names, and no figures."""
        words = re.compile(r"[^\W\d_]{2}")
        return frozenset(at for at in range(len(self.columns)) if any(words.search(row[at]) for row in self.rows))


def heat(counts: np.ndarray, classes: Sequence[str]) -> Rows:
    """Return the rows of a confusion matrix in whole %, with the clips of each cell."""
    rows: Rows = []
    for name, row in zip(classes, counts.tolist(), strict=True):
        total = sum(row)
        cells = (
            [{"count": n, "share": 100 * n / total, "text": percent(n / total, 0)} for n in row]
            if total
            else [{"count": n, "share": 0.0, "text": "-"} for n in row]
        )
        rows.append({"name": name, "total": total, "cells": cells})
    return rows


def shares(figures: np.ndarray, classes: Sequence[str]) -> Rows:
    """Return the rows of a confusion matrix with two decimals, as papers print them, from % of the rows (C, C); NaN in
    a row without clips.
    """
    cells = [
        [{"share": 0.0 if isnan(x) else x, "text": decimal(x, 2)} for x in row]
        for row in figures.astype(float).tolist()
    ]
    return [{"name": name, "cells": row} for name, row in zip(classes, cells, strict=True)]


def counted(counts: np.ndarray, classes: Sequence[str], in_percent: bool = False) -> Rows:
    """Return the rows of a confusion matrix as clips, or as `shares` does; and the clips of each row."""
    rows: Rows = []
    for row, clips in zip(shares(percentages(counts), classes), counts.tolist(), strict=True):
        cells = [cell if in_percent else {**cell, "text": str(n)} for cell, n in zip(row["cells"], clips, strict=True)]
        rows.append({**row, "cells": cells, "total": sum(clips)})
    return rows


def page_key(corpus: str, system: str) -> str:
    """Return what ids of one report begin with on a page with several."""
    return re.sub(r"[^a-z0-9]+", "-", f"{corpus}-{system}".lower())


def page_base(system: str) -> str:
    """Return how addresses of a report's files begin, seen from the folder of the corpus's reports."""
    return f"{quote(system)}/"


def render(template: str, path: Path, further: Sequence[Path] = (), /, **values: Any) -> None:
    """Fill a template, looked up in the folders `further` and then in `templates/`, and write it to `path`; a value
    that the template uses and that is not given is an error.
    """
    text = _environment((*further, Path(__file__).parent / "templates")).get_template(template).render(**values)
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@cache
def _environment(folders: tuple[Path, ...]) -> Environment:
    """Return what keeps templates once they are compiled, which takes as long as filling them."""
    loader = FileSystemLoader(folders)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": percent, "decimal": decimal, "shortened": shortened}
    return environment


def warmth(values: Sequence[float]) -> list[int]:
    """Return how strongly to colour each value, 0 (the lowest, or NaN) to 100 (the highest)."""
    known = [value for value in values if not isnan(value)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return [0 if isnan(v) or high == low else round(100 * (v - low) / (high - low)) for v in values]
