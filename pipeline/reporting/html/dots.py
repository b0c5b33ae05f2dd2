"""A chart with a row per name and a mark per figure, such as the recall of each emotion by sound, by picture and by
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

from pipeline.reporting.system.statistics_charts import PERCENT

WIDTH = 380
_TOP, _BOTTOM, _RIGHT, _ROW, _LETTER, _APART = 10, 46, 16, 28, 7.2, 6.5
"""Of the drawing, in its own units; a letter is about so wide, and marks of one row may lie so far apart in height."""


@dataclass(frozen=True)
class Mark:
    """One figure of a row.

    Attributes:
        kind: `sound`, `picture` or `fusion`
        share: from 0 to 1; NaN is not drawn
        low: of its interval; NaN for none
        high: of its interval
    """

    kind: str
    share: float
    low: float = nan
    high: float = nan


@dataclass(frozen=True)
class Dots:
    """The chart.

    Attributes:
        name: what it is called
        described: what it shows, in words, for whoever does not see it
        across: label of the axis
        rows: name and marks of each
        chance: a share that is drawn as a line, and what it is; NaN for none
        apart: whether the marks of a row lie at different heights, as their intervals would hide each other
    """

    name: str
    described: str
    across: str
    rows: Sequence[tuple[str, Sequence[Mark]]]
    chance: tuple[float, str] = (nan, "")
    apart: bool = False
    width: int = WIDTH

    @property
    def height(self) -> int:
        """Of the drawing."""
        return _TOP + _ROW * len(self.rows) + _BOTTOM

    @property
    def frame(self) -> dict[str, float]:
        """Edges of what the marks lie in: left, right, top, bottom."""
        longest = max((len(name) for name, _ in self.rows), default=0)
        return {
            "left": round(14 + _LETTER * longest, 1),
            "right": WIDTH - _RIGHT,
            "top": _TOP,
            "bottom": self.height - _BOTTOM,
        }

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """Place and text of each tick."""
        return [{"x": self._x(share), "text": text} for share, text in PERCENT]

    @property
    def reference(self) -> dict[str, Any] | None:
        """Place and text of the line at `chance`."""
        share, text = self.chance
        return None if isnan(share) else {"x": self._x(share), "text": text}

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Of every row its name, its height and where its marks are."""
        return [
            {
                "name": name,
                "y": _TOP + _ROW * number + _ROW // 2,
                "marks": self._marks(name, marks, _TOP + _ROW * number + _ROW // 2),
            }
            for number, (name, marks) in enumerate(self.rows)
        ]

    def _x(self, share: float) -> float:
        frame = self.frame
        return round(frame["left"] + share * (frame["right"] - frame["left"]), 1)

    def _marks(self, name: str, marks: Sequence[Mark], middle: int) -> list[dict[str, Any]]:
        known = [mark for mark in marks if not isnan(mark.share)]
        found = []
        for number, mark in enumerate(known):
            up = middle + (_APART * (number - (len(known) - 1) / 2) if self.apart else 0)
            span = (
                {"low": None, "high": None}
                if isnan(mark.low)
                else {"low": self._x(mark.low), "high": self._x(mark.high)}
            )
            text = f"{name}, {mark.kind}: {100 * mark.share:.1f} %"
            found.append({"kind": mark.kind, "x": self._x(mark.share), "y": round(up, 1), "text": text, **span})
        return found
