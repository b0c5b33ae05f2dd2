"""Tables of a report: what every model scored, and cells of a paper's table with our figure beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import pandas as pd

from pipeline.evaluation import Score

NOT_JUDGED = "no clip judged: see ledger.csv"


@dataclass(frozen=True)
class Cell:
    """One accuracy of a paper's table.

    Attributes:
        row: as in the paper
        column: as in the paper
        model: name of ours that answers it
        paper: the paper's accuracy, 0 to 1
        paper_d: the paper's difference of micro-F1, Huang et al. 2017, Table 5; None elsewhere
        score: our figures; None where it was not run
        d: our difference of micro-F1 on validation, mean over folds; None elsewhere
        reason: why there is no figure of ours; "" where there is one
    """

    row: str
    column: str
    model: str
    paper: float
    paper_d: float | None = None
    score: Score | None = None
    d: float | None = None
    reason: str = ""

    @property
    def accuracy(self) -> float | None:
        """Our accuracy; None where there is none."""
        return None if self.reason or self.score is None else self.score.accuracy

    def text(self) -> str:
        """Return ours beside the paper's: `0.52 (paper 0.49)`, `0.50 (d 0.041; paper 0.52, d 0.086)`, or the reason."""
        paper = f"paper {self.paper:.2f}" + (f", d {self.paper_d:.3f}" if self.paper_d is not None else "")
        if self.accuracy is None:
            return f"{self.reason} ({paper})"
        return f"{self.accuracy:.2f} ({f'd {self.d:.3f}; ' if self.d is not None else ''}{paper})"


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        stem: of its files, such as `table_5`
        caption: what it holds
        corner: heading of the rows, as in the paper
        cells: row by row
    """

    stem: str
    caption: str
    corner: str
    cells: Sequence[Cell]

    @property
    def columns(self) -> list[str]:
        """The columns in the paper's order."""
        return list(dict.fromkeys(cell.column for cell in self.cells))

    def rows(self) -> dict[str, list[Cell]]:
        """Return row -> its cells."""
        names = dict.fromkeys(cell.row for cell in self.cells)
        return {name: [cell for cell in self.cells if cell.row == name] for name in names}

    def frame(self) -> pd.DataFrame:
        """Return the table in the paper's form; no cell is empty."""
        rows = [[name, *(cell.text() for cell in cells)] for name, cells in self.rows().items()]
        return pd.DataFrame(rows, columns=[self.corner, *self.columns])

    def details(self) -> pd.DataFrame:
        """Return the long form: one row per cell with all figures, accuracies from 0 to 1."""
        return pd.DataFrame([_details(cell) for cell in self.cells])


def _details(cell: Cell) -> dict[str, object]:
    keys = ("accuracy", "low", "high", "uar")
    figures = {key: None if cell.accuracy is None else getattr(cell.score, key) for key in keys}
    return {
        "row": cell.row,
        "column": cell.column,
        "model": cell.model,
        **figures,
        "n": 0 if cell.score is None else cell.score.n,
        "coverage": 0.0 if cell.score is None else cell.score.coverage,
        "d": cell.d,
        "paper_accuracy": cell.paper,
        "paper_d": cell.paper_d,
        "reason": cell.reason,
    }


def score_row(name: str, found: Score) -> dict[str, str]:
    """Return the figures of one model as text; `-` for what a model that judged nothing does not have."""
    nothing = isnan(found.accuracy)
    return {
        "Model": name,
        "Accuracy": "-" if nothing else f"{found.accuracy:.3f}",
        "95 % interval": NOT_JUDGED if nothing else f"{found.low:.3f} to {found.high:.3f}",
        "UAR": "-" if nothing else f"{found.uar:.3f}",
        "micro-F1": "-" if nothing else f"{found.micro_f1:.3f}",
        "Clips": str(found.n),
        "Coverage": f"{found.coverage:.0%}",
    }


def score_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return one row per model or fusion, in the order they were run, unimodal models first."""
    return pd.DataFrame([score_row(name, found) for name, found in scores.items()])


def percentages(counts: np.ndarray) -> np.ndarray:
    """Return a confusion matrix in % of its rows, (C, C); a row without clips is NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    return 100 * np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
