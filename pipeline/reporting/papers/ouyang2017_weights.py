"""Table 3 of Ouyang et al. 2017: the weight of every sub-system and emotion, as the search found it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.reporting.html.page import Matrix
from pipeline.reporting.papers import ouyang2017_printed as printed
from pipeline.reporting.papers.cells import PLAIN, Cell, Table
from pipeline.reporting.papers.confusions import NOT_IN_PAPER, Printed
from pipeline.reporting.papers.paper import Results
from pipeline.systems.combined import SEARCHED
from pipeline.systems.ids import FusionId, ModelId
from pipeline.systems.params import SystemParams

_NAME = "audio_visual"
BEST = FusionId.combined(_NAME, SEARCHED)
"""The fusion of Tables 3 and 5."""
CAPTION = (
    "The best weights of sub-systems for fusion, eq. (1). The paper's were tuned by hand on feedback from the test "
    "set; ours are those with which most validation clips get their label, found in every fold for itself and without "
    "any feedback."
)
TABLE = Printed("The paper", dict.fromkeys(printed.EMOTIONS, ()), printed.SHORT)
NOTE = "Weights are 0, 0.5 or 1 in the paper; ours are the mean over folds, and below it the lowest and the highest."


def image_set_of(settings: SystemParams) -> ModelId:
    """Return the model of image sets: that which the best fusion holds, whichever network gives its frames' feature."""
    parts = settings.combined[_NAME].of if _NAME in settings.combined else ()
    return ModelId.parse(next((part for part in parts if part.endswith("-image_set")), "vggface-image_set"))


class Weights:
    """Table 3, from the weights that `BEST` learned; `reason` says why it has none, "" where it has."""

    def __init__(self, results: Results, reason: str) -> None:
        self.results, self.reason = results, reason
        combined = results.settings.combined.get(_NAME)
        self.parts = list(combined.of) if combined else []
        sets = image_set_of(results.settings)
        self.rows = {sets: "ImageSet", "end_to_end": "Visual LSTM", "egemaps-transfer": "Audio LSTM"}
        """Part -> row of the paper."""
        self.states = {} if reason else results.learned.get(BEST, {})
        if not self.states and not reason:
            self.reason = f"{BEST} learned nothing"

    def table(self) -> Table:
        """Return the fields for the files, and both matrices for the page."""
        emotions, further = TABLE.emotions(self.results.classes), [part for part in self.parts if part not in self.rows]
        cells = [self._cell(part, emotion) for part in [*self.rows, *further] for emotion in emotions]
        caption = f"{CAPTION} {proof(self.states)}".rstrip()
        note = NOTE if self.reason else f"{NOTE}{TABLE.left_out(self.results)}{self._without()}"
        return Table("Table 3", caption, "Sub-system", cells, matrices=[self._ours(cells), _printed()], note=note)

    def _cell(self, part: str, emotion: str) -> Cell:
        row, known = self.rows.get(part, part), part in self.parts and emotion in self.results.classes
        paper = dict(zip(printed.EMOTIONS, printed.TABLE_3.get(row, ()), strict=False)).get(emotion)
        lacks = "" if part in self.parts else f"not run: {_made_without(part)}"
        reason = self.reason or lacks or TABLE.no_clip(emotion, self.results)
        by_fold: dict[str, float] = {}
        if known:
            number, place = self.parts.index(part), list(self.results.classes).index(emotion)
            by_fold = {fold: state["weights"][number][place] for fold, state in self.states.items()}
        figure = None if reason else float(np.mean([*by_fold.values()]))
        low, high = (edge(by_fold.values(), default=0.0) for edge in (min, max))
        folds = "; ".join(f"{fold} {weight:g}" for fold, weight in by_fold.items())
        return Cell(
            row=row, column=TABLE.label(emotion), model=BEST, figure=figure, reason=reason, paper=paper,
            paper_unit=PLAIN, paper_lacks=NOT_IN_PAPER if paper is None else "",
            notes=[] if low == high else [f"{low:g} to {high:g}"],
            long={"mean": figure, "folds": folds, "paper": paper},
        )  # fmt: skip

    def _without(self) -> str:
        """Return which rows of the paper ours lacks, as further sentences."""
        absent = {row: _made_without(part) for part, row in self.rows.items() if part not in self.parts}
        return "".join(f" No row {row} in ours: {why}." for row, why in absent.items())

    def _ours(self, cells: Sequence[Cell]) -> Matrix:
        title = f"Ours, {self.results.corpus}"
        shown = [cell for cell in cells if not cell.reason]
        if not shown:
            return Matrix(title, [], [], reason=cells[0].reason)
        rows: dict[str, list[dict[str, Any]]] = {}
        for cell in shown:
            more = {"count": cell.notes[0]} if cell.notes else {}
            rows.setdefault(cell.row, []).append({"share": 100 * (cell.figure or 0.0), "text": cell.ours(), **more})
        names = list(dict.fromkeys(cell.column for cell in shown))
        return Matrix(title, names, [{"name": name, "cells": row} for name, row in rows.items()])


def _made_without(part: str) -> str:
    return f"{BEST} is made without {part}"


def _printed() -> Matrix:
    rows = [
        {"name": name, "cells": [{"share": 100 * weight, "text": f"{weight:g}"} for weight in row]}
        for name, row in printed.TABLE_3.items()
    ]
    return Matrix("The paper", [*printed.SHORT.values()], rows)


def proof(states: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in how many folds no weights can be better, and what the search left open in each of the others."""
    if not states:
        return ""
    left = {fold: state for fold, state in states.items() if not state["exact"]}
    done = f"The search came to its end in {len(states) - len(left)} of {len(states)} folds"
    if not left:
        return f"{done}: no weights are better."
    gaps = [
        f"{fold}: {state['right']} of {state['clips']} validation clips right, at most {state['gap']} more possible"
        for fold, state in left.items()
    ]
    return f"{done}; elsewhere its limit stopped it ({'; '.join(gaps)})."
