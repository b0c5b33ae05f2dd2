"""The kinds of fields that the papers' tables have: accuracies, figures of one emotion, fields of a confusion
matrix.
"""

from __future__ import annotations

from dataclasses import replace
from math import isnan
from typing import Any

from pipeline.evaluation.metrics import ClassFigures, Score
from pipeline.reporting.html.page import percent
from pipeline.reporting.papers.cells import COUNT, FRACTION, PERCENT, Cell, Unit

MEASURES = {"Precision": "precision", "Recall": "recall", "F-score": "f_score"}
UNDEFINED = {
    "Precision": "no such prediction",
    "Recall": "no clip of it judged",
    "F-score": "no clip of it judged, no such prediction",
}
"""Measure -> why it has no value."""


def accuracy(
    score: Score | None = None,
    *,
    reason: str = "",
    paper: float | None = None,
    unit: Unit = FRACTION,
    d: tuple[float | None, float | None] | None = None,
    **place: Any,
) -> Cell:
    """Return an accuracy, with its interval, UAR and coverage.

    Args:
        score: our figures; None where it was not run
        reason: why there is none of ours
        paper: the paper's
        unit: as in the paper
        d: our difference of micro-F1 on validation, mean over folds, and the paper's; None where there is no such
            column
        place: row, column, model and what else `Cell` has
    """
    known = None if reason else score
    keys, notes = ("accuracy", "low", "high", "uar"), list[str]()
    if known is not None:
        low, high, uar = (unit.text(figure) for figure in (known.low, known.high, known.uar))
        interval = "no interval" if isnan(known.low) else f"{low} to {high}"
        notes = [interval, f"UAR {uar}, coverage {percent(known.coverage, 0)}"]
    long: dict[str, object] = {
        **{key: None if known is None else getattr(known, key) for key in keys},
        "n": 0 if score is None else score.n,
        "coverage": 0.0 if score is None else score.coverage,
        **({} if d is None else {"d": d[0]}),
        "paper_accuracy": paper,
        **({} if d is None else {"paper_d": d[1]}),
    }
    side, paper_side = ("" if one is None else f"d {one:.3f}" for one in d or (None, None))
    figure = None if known is None else known.accuracy
    found = Cell(figure=figure, side=side, notes=notes, paper=paper, paper_side=paper_side, unit=unit, **place)
    return replace(found, reason=reason, long=long)


def of_emotion(
    measure: str, found: ClassFigures | None = None, *, reason: str = "", paper: float | None = None, **place: Any
) -> Cell:
    """Return precision, recall or F-score of the row's emotion.

    Args:
        measure: of `MEASURES`
        found: our figures; None where there are none
        reason: why there is none of ours
        paper: the paper's, 0 to 1
        place: row, column, model and what else `Cell` has
    """
    figure = None if reason or found is None else getattr(found, MEASURES[measure])
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
    """Return how many clips of the row's emotion were taken for the column's.

    Args:
        count: clips
        clips: judged clips of the row's emotion
        counted: the table has clips, not % of the row
        reason: why there is none of ours
        paper: the paper's, clips or from 0 to 1
        place: row, column, model and what else `Cell` has
    """
    figure = (float(count) if counted else count / clips) if not reason else None
    notes = [f"of {clips} clips" if counted else f"{count} of {clips} clips"] if not reason else []
    long: dict[str, object]
    if counted:
        long = {"count": None if reason else count, "clips": clips, "paper": None if paper is None else round(paper)}
    else:
        long = {"share": figure, "count": count, "clips": clips, "paper": paper}
    unit = COUNT if counted else PERCENT
    return Cell(figure=figure, notes=notes, paper=paper, reason=reason, unit=unit, long=long, **place)
