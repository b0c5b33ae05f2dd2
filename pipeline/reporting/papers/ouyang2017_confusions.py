"""Tables 2, 5 and 6 of Ouyang et al. 2017: confusion matrices, ours beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from pipeline.reporting.html.blocks import Matrix
from pipeline.reporting.html.page import percent, shares
from pipeline.reporting.papers import ouyang2017_printed as printed
from pipeline.reporting.papers.by_emotion import UNDEFINED, Decided
from pipeline.reporting.papers.cells import PERCENT, Cell, Table, Unit
from pipeline.reporting.papers.paper import Results
from pipeline.reporting.system.tables import percentages

NOT_IN_PAPER = "not in the paper"
CLIPS = Unit(1, 0)


@dataclass(frozen=True, kw_only=True)
class Taken(Cell):
    """How many clips of the row's emotion were taken for the column's; the paper's figure is a count too.

    Attributes:
        count: clips
        clips: judged clips of the row's emotion
    """

    count: int = 0
    clips: int = 0

    @property
    def figure(self) -> float | None:
        """Our count."""
        return None if self.reason else float(self.count)

    @property
    def notes(self) -> list[str]:
        """What it is a part of."""
        return [] if self.reason else [f"of {self.clips} clips"]

    def details(self) -> dict[str, object]:
        """Return both counts."""
        return {
            "row": self.row,
            "column": self.column,
            "model": self.model,
            "count": None if self.reason else self.count,
            "clips": self.clips,
            "paper": None if self.paper is None else round(self.paper),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Printed:
    """A confusion matrix of the paper.

    Attributes:
        number: of the table
        what: what the matrix is of
        rows: of the paper, in the order of its emotions
        labels: our name -> the paper's
        counted: the paper prints clips, not % of the row
    """

    number: str
    what: str
    rows: Sequence[Sequence[float]]
    labels: Mapping[str, str]
    counted: bool = False

    @property
    def caption(self) -> str:
        """What the table holds, in which unit, and how good the paper's system was."""
        unit = "clips" if self.counted else "%"
        return f"Confusion matrix ({unit}) of {self.what}, accuracy {printed.ACCURACY[self.number]} %."

    def share(self, truth: str, decided: str) -> float | None:
        """Return a field of the paper, clips or from 0 to 1; None where the paper has none."""
        if truth not in printed.EMOTIONS or decided not in printed.EMOTIONS:
            return None
        figure = self.rows[printed.EMOTIONS.index(truth)][printed.EMOTIONS.index(decided)]
        return figure if self.counted else figure / 100


class Confusion:
    """One of the tables, from what a system found.

    Args:
        results: what was run
        paper: the table as printed
        model: model or fusion of ours that answers it
        reason: why that has no figures; "" where it has
    """

    def __init__(self, results: Results, paper: Printed, model: str, reason: str) -> None:
        self.results, self.paper, self.model, self.reason = results, paper, model, reason
        self.emotions = ordered(results.classes)
        size = len(results.classes)
        self.counts = results.confusions.get(model, np.zeros((size, size), np.int64))

    def table(self) -> Table:
        """Return the fields for the files, and both matrices for the page."""
        cells = [self._cell(truth, decided) for truth in self.emotions for decided in self.emotions]
        unit = "clips, and coloured by their share of the row" if self.paper.counted else "% of the row"
        note = f"Rows: the truth; columns: the decision; {unit}.{'' if self.reason else left_out(self.results)}"
        caption = f"{self.paper.caption}{self._whose()}"
        name = f"Table {self.paper.number}"
        return Table(name, caption, "truth", cells, matrices=[self._ours(), self._printed()], note=note)

    def _whose(self) -> str:
        if self.reason:
            return ""
        score, corpus = self.results.scores[self.model], self.results.corpus
        interval = "no interval" if isnan(score.low) else f"{percent(score.low)} to {percent(score.high)}"
        rest = f"UAR {percent(score.uar)}, coverage {percent(score.coverage, 0)}"
        return f" Ours: {self.model} on {corpus}, accuracy {percent(score.accuracy)} ({interval}), {rest}."

    def _cell(self, truth: str, decided: str) -> Cell:
        classes = list(self.results.classes)
        known = truth in classes and decided in classes
        row = self.counts[classes.index(truth)] if truth in classes else np.zeros(len(classes), np.int64)
        paper = self.paper.share(truth, decided)
        lacks = "" if row.any() else UNDEFINED["Recall"]
        values: dict[str, Any] = {
            "row": label(truth, self.paper.labels),
            "column": label(decided, self.paper.labels),
            "model": self.model,
            "paper": paper,
            "paper_lacks": NOT_IN_PAPER if paper is None else "",
            "reason": self.reason or no_clip(truth, self.results) or no_clip(decided, self.results) or lacks,
            "count": int(row[classes.index(decided)]) if known else 0,
            "clips": int(row.sum()),
        }
        return Taken(**values, unit=CLIPS) if self.paper.counted else Decided(**values, unit=PERCENT)

    def _ours(self) -> Matrix:
        title, classes = f"Ours, {self.results.corpus}", list(self.results.classes)
        if self.reason:
            return Matrix(title, [], [], reason=self.reason)
        order = [name for name in self.emotions if name in classes]
        index = [classes.index(name) for name in order]
        counts, names = self.counts[np.ix_(index, index)], [label(name, self.paper.labels) for name in order]
        rows = counted(counts, names) if self.paper.counted else self._shares(counts, names)
        return Matrix(title, names, rows)

    def _printed(self) -> Matrix:
        names, figures = [*self.paper.labels.values()], np.array(self.paper.rows)
        return Matrix("The paper", names, counted(figures, names) if self.paper.counted else shares(figures, names))

    @staticmethod
    def _shares(counts: np.ndarray, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        return shares(percentages(counts), names, counts.sum(axis=1).tolist())


def counted(counts: np.ndarray, names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return the rows of a confusion matrix for the page as clips, coloured by their share of the row."""
    rows: list[Mapping[str, Any]] = []
    for name, row, of_row in zip(names, counts, percentages(counts), strict=True):
        cells = [
            {"share": float(share), "text": str(int(n))} for n, share in zip(row, np.nan_to_num(of_row), strict=True)
        ]
        rows.append({"name": name, "cells": cells, "total": int(row.sum())})
    return rows


def ordered(classes: Sequence[str]) -> list[str]:
    """Return the paper's emotions in its order, then the corpus's further ones."""
    return [*printed.EMOTIONS, *(name for name in classes if name not in printed.EMOTIONS)]


def label(emotion: str, labels: Mapping[str, str]) -> str:
    """Return the paper's name of an emotion; our own where the paper has none."""
    return labels.get(emotion, emotion)


def no_clip(emotion: str, results: Results) -> str:
    """Return why an emotion has no figure; "" where the corpus has it."""
    return "" if emotion in results.classes else f"no clip of {emotion} in {results.corpus}"


def left_out(results: Results) -> str:
    """Return what a matrix of ours leaves out, as a further sentence; "" for nothing."""
    absent = [name for name in printed.EMOTIONS if name not in results.classes]
    return f" Left out of ours since no clip has them: {', '.join(absent)}." if absent else ""
