"""Tables VII to IX and Figs. 6 to 8 of Zhang et al. 2017: one model, emotion by emotion, on one of the data sets."""

from __future__ import annotations

from math import isnan

from pipeline.core.decimals import decimal
from pipeline.evaluation.by_class import per_class
from pipeline.reporting.papers import zhang2017_printed as printed
from pipeline.reporting.papers.cells import MEASURES, UNDEFINED, Cell, Table, of_emotion
from pipeline.reporting.papers.confusions import NOT_IN_PAPER, Printed, confusion_table, counts_of, figures_in_words
from pipeline.reporting.papers.paper import Figure, Results

NUMBERS = {"rml": ("VII", "6"), "enterface05": ("VIII", "7"), "baum1s": ("IX", "8")}
"""Corpus adapter -> number of the table, of the figure."""
NOTE = "Rows: the truth; columns: the decision; % of the row. How many clips: figure_N_details.csv in tables/."
EVEN = (
    "Precision and F-score are of the shares of the confusion matrix, so that every emotion weighs alike: so the paper "
    "has them in Tables VII and VIII; those of Table IX follow neither from its shares nor from its clips."
)
ELSEWHERE = "another corpus"
"""Why a figure of the paper has none of ours beside it."""


class ByEmotion:
    """Table and figure of one data set, by its corpus adapter; where that is the corpus's own, our figures stand beside
    the paper's in one field. `model` is the best of the paper, `reason` why it was not run, "" where it was.
    """

    def __init__(self, results: Results, adapter: str, model: str, reason: str) -> None:
        self.results, self.adapter, self.model, self.reason = results, adapter, model, reason
        title, rows = f"The paper, {printed.DATA_SETS[adapter]}", printed.CONFUSIONS[adapter]
        self.printed = Printed(title, rows, printed.EMOTIONS, printed.EMOTIONS)

    def table(self) -> Table:
        """Return precision, recall and F-score of every emotion."""
        own, cells = self.adapter == self.results.adapter, []
        for emotion in self.printed.emotions(self.results.classes):
            cells += [self._measured(emotion, measure, measure, True, own) for measure in MEASURES]
            if not own:
                cells += [self._measured(emotion, measure, f"ours: {measure}", False, True) for measure in MEASURES]
        caption = f"Precision, recall and F-score (%) by emotion with DBN-2. {EVEN} {self._whose()}"
        return Table(f"Table {NUMBERS[self.adapter][0]}", caption, "Emotion", cells)

    def figure(self) -> Figure:
        """Return the confusion matrix."""
        stem, caption = f"figure_{NUMBERS[self.adapter][1]}", f"Confusion matrix (%) with DBN-2. {self._whose()}"
        name, note = f"Fig. {NUMBERS[self.adapter][1]}", NOTE.replace("figure_N", stem)
        table = confusion_table(name, caption, self.results, self.printed, self.model, self.reason, note)
        frames = {stem: table.frame(), f"{stem}_details": table.details()}
        return Figure(name, caption, frames, table.matrices, note)

    def _whose(self) -> str:
        name, accuracy = printed.DATA_SETS[self.adapter], printed.DBN_2[self.adapter]
        told = "" if accuracy is None else f", where its accuracy is {decimal(accuracy, 2)} %"
        paper = f"The paper: {name}{told}."
        return paper if self.reason else f"{paper} {figures_in_words(self.results, self.model, 2, interval=False)}"

    def _measured(self, emotion: str, measure: str, column: str, with_paper: bool, with_ours: bool) -> Cell:
        figures = dict(zip(MEASURES, printed.PER_EMOTION[self.adapter].get(emotion, ()), strict=False))
        paper, found, reason = figures.get(measure) if with_paper else None, None, ELSEWHERE
        if with_ours:
            classes = self.results.classes
            found = per_class(counts_of(self.results, self.model, classes).to_numpy(), classes).get(emotion)
            reason = self.printed.no_clip(emotion, self.results) or self.reason
            if not reason and isnan(getattr(found, MEASURES[measure])):
                reason = UNDEFINED[measure]
        return of_emotion(
            measure, found, reason=reason, paper=None if paper is None else paper / 100,
            paper_lacks=NOT_IN_PAPER if with_paper and paper is None else "",
            row=self.printed.label(emotion).capitalize(), column=column, model=self.model if with_ours else "",
        )  # fmt: skip
