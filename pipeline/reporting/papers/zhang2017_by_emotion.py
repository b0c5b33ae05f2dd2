"""Tables VII to IX and Figs. 6 to 8 of Zhang et al. 2017: one model, emotion by emotion, on one of the data sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import isnan

import numpy as np

from pipeline.evaluation.metrics import ClassFigures, per_class
from pipeline.reporting.html.blocks import Matrix
from pipeline.reporting.html.page import percent, shares
from pipeline.reporting.papers import zhang2017_printed as printed
from pipeline.reporting.papers.by_emotion import MEASURES, UNDEFINED, Decided, OfEmotion
from pipeline.reporting.papers.cells import PERCENT, Table
from pipeline.reporting.papers.paper import Figure, Results
from pipeline.reporting.system.tables import percentages

NUMBERS = {"rml": ("VII", "6"), "enterface05": ("VIII", "7"), "baum1s": ("IX", "8")}
"""Corpus adapter -> number of the table, of the figure."""
NOTE = "Rows: the truth; columns: the decision; % of the row. How many clips: figure_N_details.csv in tables/."
NOT_IN_PAPER = "not in the paper"
ELSEWHERE = "another corpus"
"""Why a figure of the paper has none of ours beside it."""


class ByEmotion:
    """One data set's table and figure.

    Args:
        results: what the system found
        adapter: of the data set; where it is the corpus's own, our figures stand beside the paper's in one field
        model: the best of the paper
        reason: why the model was not run; "" where it was
    """

    def __init__(self, results: Results, adapter: str, model: str, reason: str) -> None:
        self.results, self.adapter, self.model, self.reason = results, adapter, model, reason
        self.printed = printed.PER_EMOTION[adapter]
        self.emotions = [*self.printed, *(name for name in results.classes if name not in self.printed)]
        """By our names: the paper's in its order, then the corpus's further ones."""

    @cached_property
    def counts(self) -> np.ndarray:
        """Our confusion matrix (C, C), without a clip where the model was not run."""
        size = len(self.results.classes)
        return self.results.confusions.get(self.model, np.zeros((size, size), np.int64))

    @cached_property
    def figures(self) -> dict[str, ClassFigures]:
        """Our figures by emotion."""
        return per_class(self.counts, self.results.classes)

    def table(self) -> Table:
        """Return precision, recall and F-score of every emotion."""
        own = self.adapter == self.results.adapter
        cells = []
        for emotion in self.emotions:
            cells += [self._measured(emotion, measure, measure, True, own) for measure in MEASURES]
            if not own:
                cells += [self._measured(emotion, measure, f"ours: {measure}", False, True) for measure in MEASURES]
        caption = f"Precision, recall and F-score (%) by emotion with DBN-2. {self._whose()}"
        return Table(f"Table {NUMBERS[self.adapter][0]}", caption, "Emotion", cells)

    def figure(self) -> Figure:
        """Return the confusion matrix."""
        cells = [self._decided(truth, decided) for truth in self.emotions for decided in self.emotions]
        stem, caption = f"figure_{NUMBERS[self.adapter][1]}", f"Confusion matrix (%) with DBN-2. {self._whose()}"
        table = Table(f"Fig. {NUMBERS[self.adapter][1]}", caption, "truth", cells)
        names = [_label(name) for name in self.printed]
        paper = Matrix(f"The paper, {self.name}", names, shares(np.array([*self._shares.values()]), names))
        frames = {stem: table.frame(), f"{stem}_details": table.details()}
        return Figure(table.name, caption, frames, [self._ours(), paper], NOTE.replace("figure_N", stem))

    @property
    def name(self) -> str:
        """The data set, as in the paper."""
        return printed.DATA_SETS[self.adapter]

    @property
    def _shares(self) -> Mapping[str, tuple[float, ...]]:
        return printed.CONFUSIONS[self.adapter]

    def _whose(self) -> str:
        paper = f"The paper: {self.name}, where its accuracy is {printed.DBN_2[self.adapter]:.2f} %."
        if self.reason:
            return paper
        score = self.results.scores[self.model]
        figures = (
            f"accuracy {percent(score.accuracy, 2)}, UAR {percent(score.uar, 2)}, coverage {percent(score.coverage, 0)}"
        )
        return f"{paper} Ours: {self.model} on {self.results.corpus}, {figures}."

    def _measured(self, emotion: str, measure: str, column: str, with_paper: bool, with_ours: bool) -> OfEmotion:
        found = self.figures.get(emotion) if with_ours else None
        figures = dict(zip(MEASURES, self.printed.get(emotion, ()), strict=False))
        paper = figures.get(measure) if with_paper else None
        return OfEmotion(
            row=_label(emotion).capitalize(),
            column=column,
            model=self.model if with_ours else "",
            paper=None if paper is None else paper / 100,
            paper_lacks=NOT_IN_PAPER if with_paper and paper is None else "",
            reason=self._why_not(emotion) or _undefined(found, measure) if with_ours else ELSEWHERE,
            unit=PERCENT,
            measure=measure,
            found=found,
        )

    def _decided(self, truth: str, decided: str) -> Decided:
        classes = list(self.results.classes)
        known = truth in classes and decided in classes
        row = self.counts[classes.index(truth)] if truth in classes else np.zeros(len(classes), np.int64)
        paper = self._paper_share(truth, decided)
        lacks = "" if row.any() else UNDEFINED["Recall"]
        return Decided(
            row=_label(truth),
            column=_label(decided),
            model=self.model,
            paper=paper,
            paper_lacks=NOT_IN_PAPER if paper is None else "",
            reason=self._why_not(truth) or self._why_not(decided) or lacks,
            unit=PERCENT,
            count=int(row[classes.index(decided)]) if known else 0,
            clips=int(row.sum()),
        )

    def _paper_share(self, truth: str, decided: str) -> float | None:
        if truth not in self._shares or decided not in self._shares:
            return None
        return self._shares[truth][list(self._shares).index(decided)] / 100

    def _why_not(self, emotion: str) -> str:
        if emotion not in self.results.classes:
            return f"no clip of {_label(emotion)} in {self.results.corpus}"
        return self.reason

    def _ours(self) -> Matrix:
        title, classes = f"Ours, {self.results.corpus}", list(self.results.classes)
        if self.reason:
            return Matrix(title, [], [], reason=self.reason)
        order = [name for name in self.emotions if name in classes]
        index = [classes.index(name) for name in order]
        counts, names = self.counts[np.ix_(index, index)], [_label(name) for name in order]
        return Matrix(title, names, shares(percentages(counts), names, counts.sum(axis=1).tolist()))


def _label(emotion: str) -> str:
    return printed.EMOTIONS.get(emotion, emotion)


def _undefined(found: ClassFigures | None, measure: str) -> str:
    value = getattr(found, MEASURES[measure], float("nan"))
    return UNDEFINED[measure] if isnan(value) else ""
