"""Fields and tables of a paper, our figure beside the paper's; and the kinds of fields that the papers' tables have:
accuracies, figures of one emotion, fields of a confusion matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import pandas as pd

from pipeline.core.decimals import decimal, percent
from pipeline.evaluation.by_class import ClassFigures
from pipeline.evaluation.metrics import Score
from pipeline.reporting.html.page import Matrix

MEASURES = {"Precision": "precision", "Recall": "recall", "F-score": "f_score"}
FIGURES = ("accuracy", "low", "high", "uar", "folds", "fold_accuracy", "fold_accuracy_sd", "fold_uar", "fold_uar_sd")
"""Of a `Score`, in the long form of a table of accuracies."""
UNDEFINED = {
    "Precision": "no such prediction",
    "Recall": "no clip of it judged",
    "F-score": "no clip of it judged, no such prediction",
}
"""Measure -> why it has no value."""


@dataclass(frozen=True)
class Unit:
    """How a paper prints its figures: times ten to the power, with so many decimals; None = all they have."""

    power: int
    decimals: int | None

    def text(self, figure: float) -> str:
        """Return a figure from 0 to 1 as the paper prints it."""
        return f"{figure:g}" if self.decimals is None else decimal(figure, self.decimals, power=self.power)


FRACTION, PERCENT, COUNT, PLAIN = Unit(0, 2), Unit(2, 2), Unit(0, 0), Unit(0, None)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field of a paper's table; a text is "" where there is none."""

    row: str  # as in the paper
    column: str  # as in the paper
    model: str  # name of ours that answers it; "" where the paper's figure stands alone
    figure: float | None = None  # ours, 0 to 1, or a count
    side: str = ""  # a second figure of ours, with its name
    notes: Sequence[str] = ()  # what the page says below our figure, in small print
    paper: float | None = None
    paper_side: str = ""  # a second figure of the paper, with its name
    paper_lacks: str = ""  # why there is no figure of the paper; "" where none is to be expected
    reason: str = ""  # why there is no figure of ours
    unit: Unit = FRACTION
    paper_unit: Unit | None = None  # where it is another
    group: str = ""  # of rows, as in the paper's first column
    long: Mapping[str, object] = field(default_factory=dict)  # columns of the long form between model and reason

    def ours(self) -> str:
        """Return our figure as text, "" where there is none."""
        return "" if self.figure is None else self.unit.text(self.figure)

    def papers(self) -> str:
        """Return the paper's figure as `paper 0.49`, or why there is none."""
        return self.paper_lacks if self.paper is None else f"paper {(self.paper_unit or self.unit).text(self.paper)}"

    def text(self) -> str:
        """Return ours beside the paper's: `0.52 (paper 0.49)`, `0.50 (d 0.041; paper 0.52, d 0.086)`, or the reason."""
        paper = ", ".join(part for part in (self.papers(), self.paper_side) if part)
        if not self.model:
            return paper
        beside = "; ".join(part for part in (self.side if self.ours() else "", paper) if part)
        return (self.ours() or self.reason) + (f" ({beside})" if beside else "")

    def details(self) -> dict[str, object]:
        """Return the field's row of the long form, with all figures from 0 to 1."""
        return {"row": self.row, "column": self.column, "model": self.model, **self.long, "reason": self.reason}


@dataclass(frozen=True)
class Table:
    """A table of a paper."""

    name: str  # `Table 5`
    caption: str
    corner: str  # heading of the rows, as in the paper
    cells: Sequence[Cell]  # row by row
    group_corner: str = ""  # heading of the groups of rows; "" where there are none
    matrices: Sequence[Matrix] = ()  # what the page shows in place of the cells, side by side
    note: str = ""  # how to read them

    @property
    def stem(self) -> str:
        """Of its files: `table_5`."""
        kind, _, number = self.name.partition(" ")
        return f"{kind.lower()}_{number}"

    @property
    def columns(self) -> list[str]:
        """The columns in the paper's order."""
        return list(dict.fromkeys(cell.column for cell in self.cells))

    def rows(self) -> dict[str, list[Cell]]:
        """Return row -> its cells."""
        rows: dict[str, list[Cell]] = {}
        for cell in self.cells:
            rows.setdefault(cell.row, []).append(cell)
        return rows

    def frame(self) -> pd.DataFrame:
        """Return the table in the paper's form; no cell is empty."""
        rows = [[name, *(cell.text() for cell in cells)] for name, cells in self.rows().items()]
        frame = pd.DataFrame(rows, columns=[self.corner, *self.columns])
        if self.group_corner:
            frame.insert(0, self.group_corner, [cells[0].group for cells in self.rows().values()])
        return frame

    def details(self) -> pd.DataFrame:
        """Return the long form: one row per cell."""
        return pd.DataFrame([cell.details() for cell in self.cells])


def spread(score: Score, unit: Unit) -> str:
    """Return mean and standard deviation over folds, `45.00 ± 6.10 of 5 folds`."""
    return f"{unit.text(score.fold_accuracy)} ± {unit.text(score.fold_accuracy_sd)} of {score.folds} folds"


def accuracy(
    score: Score | None = None,
    *,
    reason: str = "",
    paper: float | None = None,
    unit: Unit = FRACTION,
    d: tuple[float | None, float | None] | None = None,
    by_fold: bool = False,
    **place: Any,
) -> Cell:
    """Return an accuracy, with its interval, UAR and coverage, and of several folds their mean and deviation.

    `score` is None where nothing was run. `d`: our difference of micro-F1 on validation, mean over folds, and the
    paper's; None where there is no such column. `by_fold`: the paper prints the mean over folds, so ours is that, and
    the accuracy over all clips stands below. `place`: row, column, model and what else `Cell` has.
    """
    known, figure, notes = None if reason else score, None, list[str]()
    if known is not None:
        figure = known.fold_accuracy if by_fold else known.accuracy
        low, high, uar, pooled = (unit.text(each) for each in (known.low, known.high, known.uar, known.accuracy))
        interval = "no interval" if isnan(known.low) else f"{low} to {high}"
        notes = [f"all clips {pooled}, {interval}" if by_fold else interval]
        notes += [f"by fold {spread(known, unit)}"] * (known.folds > 1)
        notes.append(f"UAR {uar}, coverage {percent(known.coverage, 0)}")
    figures = {key: getattr(known, key, None) for key in FIGURES}
    judged = {"n": getattr(score, "n", 0), "coverage": getattr(score, "coverage", 0.0)}
    ours, papers = ({}, {}) if d is None else ({"d": d[0]}, {"paper_d": d[1]})
    long = {**figures, **judged, **ours, "paper_accuracy": paper, **papers}
    side, paper_side = ("" if one is None else f"d {decimal(one)}" for one in d or (None, None))
    return Cell(
        figure=figure, side=side, notes=notes, paper=paper, paper_side=paper_side, reason=reason, unit=unit, long=long,
        **place,
    )  # fmt: skip


def of_emotion(
    measure: str, found: ClassFigures | None = None, *, reason: str = "", paper: float | None = None, **place: Any
) -> Cell:
    """Return one of `MEASURES` of the row's emotion; `found` is None where there are no figures of ours."""
    figure = None if reason else getattr(found, MEASURES[measure], None)
    notes = []
    if figure is not None and found is not None and measure != "F-score":
        of = f"{found.decisions} decisions" if measure == "Precision" else f"{found.clips} clips"
        notes = [f"{found.right} of {of}"]
    counts = {key: getattr(found, key, 0) for key in ("right", "clips", "decisions")}
    long = {"value": figure, **counts, "paper": paper}
    return Cell(figure=figure, notes=notes, paper=paper, reason=reason, unit=PERCENT, long=long, **place)


def decided(
    count: int, clips: int, *, counted: bool = False, reason: str = "", paper: float | None = None, **place: Any
) -> Cell:
    """Return how many of the judged clips of the row's emotion were taken for the column's: clips, or with `counted`
    unset their share of the row; the paper's alike.
    """
    figure = None if reason else float(count) if counted else count / clips
    notes = [] if reason else [f"of {clips} clips" if counted else f"{count} of {clips} clips"]
    long: dict[str, object] = {"share": figure, "count": count, "clips": clips, "paper": paper}
    if counted:
        long = {"count": None if reason else count, "clips": clips, "paper": None if paper is None else round(paper)}
    unit = COUNT if counted else PERCENT
    return Cell(figure=figure, notes=notes, paper=paper, reason=reason, unit=unit, long=long, **place)
