"""Confusion matrices of the papers, ours beside the paper's: fields for the files, and both matrices for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan

import numpy as np
import pandas as pd

from pipeline.core.decimals import percent
from pipeline.reporting.html.page import Matrix, counted, shares
from pipeline.reporting.papers.cells import UNDEFINED, Cell, Table, Unit, decided, spread
from pipeline.reporting.papers.paper import Results

NOT_IN_PAPER = "not in the paper"


@dataclass(frozen=True)
class Printed:
    """A confusion matrix of a paper; emotions by our names."""

    title: str  # whose it is
    rows: Mapping[str, Sequence[float]]  # truth -> its figures, the decisions in the same order
    labels: Mapping[str, str] = field(default_factory=dict)  # our name -> that of the table, where they differ
    names: Mapping[str, str] = field(default_factory=dict)  # our name -> that of sentences, where they differ
    counted: bool = False  # the paper prints clips, not % of the row

    def emotions(self, classes: Sequence[str]) -> list[str]:
        """Return the paper's emotions in its order, then the corpus's further ones."""
        return [*self.rows, *(name for name in classes if name not in self.rows)]

    def label(self, emotion: str) -> str:
        """Return the paper's name of an emotion; our own where the paper has none."""
        return self.labels.get(emotion, emotion)

    def no_clip(self, emotion: str, results: Results) -> str:
        """Return why an emotion has no figure of ours; "" where the corpus has it."""
        name = self.names.get(emotion, emotion)
        return "" if emotion in results.classes else f"no clip of {name} in {results.corpus}"

    def left_out(self, results: Results) -> str:
        """Return which of the paper's emotions ours leaves out, as a further sentence; "" for none."""
        absent = [name for name in self.rows if name not in results.classes]
        return f" Left out of ours since no clip has them: {', '.join(absent)}." if absent else ""

    def figure(self, truth: str, decision: str) -> float | None:
        """Return a field of the paper, clips or from 0 to 1; None where it has none."""
        if truth not in self.rows or decision not in self.rows:
            return None
        found = self.rows[truth][list(self.rows).index(decision)]
        return found if self.counted else found / 100


def counts_of(results: Results, model: str, emotions: Sequence[str]) -> pd.DataFrame:
    """Return our confusion matrix, truth by decision; 0 where the model was not run or no clip has the emotion."""
    size = len(results.classes)
    counts = results.confusions.get(model, np.zeros((size, size), np.int64))
    frame = pd.DataFrame(counts, results.classes, results.classes)
    return frame.reindex(index=emotions, columns=emotions, fill_value=0)


def confusion_table(
    name: str, caption: str, results: Results, printed: Printed, model: str, reason: str, note: str
) -> Table:
    """Return a confusion matrix, with the fields for the files and both matrices for the page; `reason` says why our
    model has no figures, "" if it has.
    """
    asked = (results, printed, model, reason)
    return Table(name, caption, "truth", _cells(*asked), matrices=_matrices(*asked), note=note)


def _cells(results: Results, printed: Printed, model: str, reason: str) -> list[Cell]:
    emotions, cells = printed.emotions(results.classes), []
    for truth, row in counts_of(results, model, emotions).iterrows():
        clips = int(row.sum())
        for decision, count in row.items():
            paper = printed.figure(str(truth), str(decision))
            absent = printed.no_clip(str(truth), results) or printed.no_clip(str(decision), results)
            cell = decided(
                int(count), clips, counted=printed.counted, paper=paper,
                reason=reason or absent or ("" if clips else UNDEFINED["Recall"]),
                row=printed.label(str(truth)), column=printed.label(str(decision)), model=model,
                paper_lacks=NOT_IN_PAPER if paper is None else "",
            )  # fmt: skip
            cells.append(cell)
    return cells


def _matrices(results: Results, printed: Printed, model: str, reason: str) -> list[Matrix]:
    """Return ours, or why there is none, and the paper's."""
    title, figures = f"Ours, {results.corpus}", np.array([*printed.rows.values()])
    names = [printed.label(name) for name in printed.rows]
    paper = Matrix(printed.title, names, counted(figures, names) if printed.counted else shares(figures, names))
    if reason:
        return [Matrix(title, [], [], reason=reason), paper]
    order = [name for name in printed.emotions(results.classes) if name in results.classes]
    counts, names = counts_of(results, model, order).to_numpy(), [printed.label(name) for name in order]
    return [Matrix(title, names, counted(counts, names, in_percent=not printed.counted)), paper]


def figures_in_words(results: Results, model: str, decimals: int = 1, interval: bool = True) -> str:
    """Return `Ours: <model> on <corpus>, accuracy ..., UAR ..., coverage ...`, as a sentence of a caption; of several
    folds with their mean and deviation.
    """
    score = results.scores[model]
    ends = f" ({percent(score.low)} to {percent(score.high)})" if not isnan(score.low) else " (no interval)"
    rest = f"UAR {percent(score.uar, decimals)}, coverage {percent(score.coverage, 0)}"
    accuracy = f"accuracy {percent(score.accuracy, decimals)}{ends if interval else ''}"
    folds = f", by fold {spread(score, Unit(2, decimals))}" if score.folds > 1 else ""
    return f"Ours: {model} on {results.corpus}, {accuracy}{folds}, {rest}."
