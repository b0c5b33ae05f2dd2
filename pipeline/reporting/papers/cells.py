"""Fields and tables of a paper, our figure beside the paper's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import pandas as pd

from pipeline.evaluation.metrics import Score
from pipeline.reporting.html.blocks import Matrix
from pipeline.reporting.html.page import percent


@dataclass(frozen=True)
class Unit:
    """How a paper prints its figures.

    Attributes:
        scale: what a figure from 0 to 1 is multiplied by
        decimals: digits after the point
    """

    scale: int
    decimals: int

    def text(self, figure: float) -> str:
        """Return a figure from 0 to 1 as the paper prints it."""
        return f"{self.scale * figure:.{self.decimals}f}"


FRACTION = Unit(1, 2)
PERCENT = Unit(100, 2)


@dataclass(frozen=True, kw_only=True)
class Cell(ABC):
    """One field of a paper's table; which figure it holds, a subclass says.

    Attributes:
        row: as in the paper
        column: as in the paper
        model: name of ours that answers it; "" where the paper's figure stands alone
        paper: the paper's figure, 0 to 1; None where it has none
        paper_lacks: why there is no figure of the paper; "" where none is to be expected
        reason: why there is no figure of ours; "" where there is one
        unit: as in the paper
        group: of rows, as in the paper's first column; "" where it has none
    """

    row: str
    column: str
    model: str
    paper: float | None = None
    paper_lacks: str = ""
    reason: str = ""
    unit: Unit = FRACTION
    group: str = ""

    @property
    @abstractmethod
    def figure(self) -> float | None:
        """Our figure, 0 to 1; None where there is none."""

    @property
    @abstractmethod
    def notes(self) -> list[str]:
        """What the page says below our figure, in small print."""

    @abstractmethod
    def details(self) -> dict[str, object]:
        """Return the field's row of the long form."""

    @property
    def side(self) -> str:
        """A second figure of ours, with its name; "" for none."""
        return ""

    @property
    def paper_side(self) -> str:
        """A second figure of the paper, with its name; "" for none."""
        return ""

    def ours(self) -> str:
        """Return our figure as text, "" where there is none."""
        return "" if self.figure is None else self.unit.text(self.figure)

    def papers(self) -> str:
        """Return the paper's figure as `paper 0.49`, or why there is none."""
        return self.paper_lacks if self.paper is None else f"paper {self.unit.text(self.paper)}"

    def text(self) -> str:
        """Return ours beside the paper's: `0.52 (paper 0.49)`, `0.50 (d 0.041; paper 0.52, d 0.086)`, or the reason."""
        paper = ", ".join(part for part in (self.papers(), self.paper_side) if part)
        if not self.model:
            return paper
        beside = "; ".join(part for part in (self.side if self.ours() else "", paper) if part)
        return (self.ours() or self.reason) + (f" ({beside})" if beside else "")


@dataclass(frozen=True, kw_only=True)
class Accuracy(Cell):
    """An accuracy.

    Attributes:
        score: our figures; None where it was not run
    """

    score: Score | None = None

    @property
    def figure(self) -> float | None:
        """Our accuracy; None where there is none."""
        return None if self.reason or self.score is None else self.score.accuracy

    @property
    def notes(self) -> list[str]:
        """Interval, UAR and coverage."""
        if self.reason or self.score is None:
            return []
        low, high, uar = (self.unit.text(figure) for figure in (self.score.low, self.score.high, self.score.uar))
        interval = "no interval" if isnan(self.score.low) else f"{low} to {high}"
        return [interval, f"UAR {uar}, coverage {percent(self.score.coverage, 0)}"]

    def details(self) -> dict[str, object]:
        """Return all figures, from 0 to 1."""
        keys = ("accuracy", "low", "high", "uar")
        return {
            "row": self.row,
            "column": self.column,
            "model": self.model,
            **{key: None if self.figure is None else getattr(self.score, key) for key in keys},
            "n": 0 if self.score is None else self.score.n,
            "coverage": 0.0 if self.score is None else self.score.coverage,
            "paper_accuracy": self.paper,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Table:
    """A table of a paper.

    Attributes:
        name: `Table 5`
        caption: what it holds
        corner: heading of the rows, as in the paper
        cells: row by row
        group_corner: heading of the groups of rows; "" where there are none
        matrices: what the page shows in place of the cells, side by side; none where it shows the cells
        note: how to read the matrices
    """

    name: str
    caption: str
    corner: str
    cells: Sequence[Cell]
    group_corner: str = ""
    matrices: Sequence[Matrix] = ()
    note: str = ""

    @property
    def stem(self) -> str:
        """Of its files: `table_5`."""
        return self.name.replace("Table ", "table_")

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
        frame = pd.DataFrame(rows, columns=[self.corner, *self.columns])
        if self.group_corner:
            frame.insert(0, self.group_corner, [cells[0].group for cells in self.rows().values()])
        return frame

    def details(self) -> pd.DataFrame:
        """Return the long form: one row per cell with all figures, from 0 to 1."""
        return pd.DataFrame([cell.details() for cell in self.cells])
