"""Fields of a paper's table that are about one emotion: precision, recall, F-score, and shares of a confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.evaluation.metrics import ClassFigures
from pipeline.reporting.papers.cells import Cell

MEASURES = {"Precision": "precision", "Recall": "recall", "F-score": "f_score"}
UNDEFINED = {
    "Precision": "no such prediction",
    "Recall": "no clip of it judged",
    "F-score": "no clip of it judged, no such prediction",
}
"""Measure -> why it has no value."""


@dataclass(frozen=True, kw_only=True)
class OfEmotion(Cell):
    """Precision, recall or F-score of the row's emotion.

    Attributes:
        measure: of `MEASURES`
        found: our figures; None where there are none
    """

    measure: str
    found: ClassFigures | None = None

    @property
    def figure(self) -> float | None:
        """Our figure, 0 to 1."""
        return None if self.reason or self.found is None else getattr(self.found, MEASURES[self.measure])

    @property
    def notes(self) -> list[str]:
        """What it is a share of."""
        if self.figure is None or self.found is None or self.measure == "F-score":
            return []
        of = f"{self.found.decisions} decisions" if self.measure == "Precision" else f"{self.found.clips} clips"
        return [f"{self.found.right} of {of}"]

    def details(self) -> dict[str, object]:
        """Return the figure, from 0 to 1, and its counts."""
        return {
            "row": self.row,
            "column": self.column,
            "model": self.model,
            "value": self.figure,
            **{key: getattr(self.found, key, 0) for key in ("right", "clips", "decisions")},
            "paper": self.paper,
            "reason": self.reason,
        }


@dataclass(frozen=True, kw_only=True)
class Decided(Cell):
    """Share of the row's emotion that was taken for the column's.

    Attributes:
        count: clips
        clips: judged clips of the row's emotion
    """

    count: int = 0
    clips: int = 0

    @property
    def figure(self) -> float | None:
        """Our share, 0 to 1."""
        return None if self.reason else self.count / self.clips

    @property
    def notes(self) -> list[str]:
        """What it is a share of."""
        return [] if self.reason else [f"{self.count} of {self.clips} clips"]

    def details(self) -> dict[str, object]:
        """Return the share, from 0 to 1, and its counts."""
        return {
            "row": self.row,
            "column": self.column,
            "model": self.model,
            "share": self.figure,
            "count": self.count,
            "clips": self.clips,
            "paper": self.paper,
            "reason": self.reason,
        }
