"""Fields and tables of a paper, our figure beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from pipeline.reporting.html.blocks import Matrix


@dataclass(frozen=True)
class Unit:
    """How a paper prints its figures.

    Attributes:
        scale: what a figure from 0 to 1 is multiplied by
        decimals: digits after the point; None = as many as it has
    """

    scale: int
    decimals: int | None

    def text(self, figure: float) -> str:
        """Return a figure from 0 to 1 as the paper prints it."""
        return f"{figure:g}" if self.decimals is None else f"{self.scale * figure:.{self.decimals}f}"


FRACTION, PERCENT, COUNT, PLAIN = Unit(1, 2), Unit(100, 2), Unit(1, 0), Unit(1, None)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One field of a paper's table.

    Attributes:
        row: as in the paper
        column: as in the paper
        model: name of ours that answers it; "" where the paper's figure stands alone
        figure: ours, 0 to 1, or a count; None where there is none
        side: a second figure of ours, with its name; "" for none
        notes: what the page says below our figure, in small print
        paper: the paper's figure; None where it has none
        paper_side: a second figure of the paper, with its name; "" for none
        paper_lacks: why there is no figure of the paper; "" where none is to be expected
        reason: why there is no figure of ours; "" where there is one
        unit: as in the paper
        paper_unit: of the paper's figure, where it is another
        group: of rows, as in the paper's first column; "" where it has none
        long: columns of the long form between the model and the reason
    """

    row: str
    column: str
    model: str
    figure: float | None = None
    side: str = ""
    notes: Sequence[str] = ()
    paper: float | None = None
    paper_side: str = ""
    paper_lacks: str = ""
    reason: str = ""
    unit: Unit = FRACTION
    paper_unit: Unit | None = None
    group: str = ""
    long: Mapping[str, object] = field(default_factory=dict)

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
        """Return the long form: one row per cell."""
        return pd.DataFrame([cell.details() for cell in self.cells])
