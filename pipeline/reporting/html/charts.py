"""Charts of a page as shares from 0 to 1 and words; `templates/chart.html` draws them as SVG."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

WIDTH, HEIGHT = 380, 300
"""Of a drawing, in its own units."""
Ticks = Sequence[tuple[float, str]]
PERCENT: Ticks = ((0.0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1.0, "100"))
"""Ticks of an axis of shares."""
_WIDE = "WMwm@%…"
_ROW, _APART = 28, 6.5
"""Height of a row, and how far apart in height the marks of a row may lie."""
WIDEST = 150
"""As wide a name in a chart may be; of a wider one the middle is left out, and a pointer on it shows the whole."""


def shortened(name: str) -> str:
    """Return a name as a chart shows it.

    >>> shortened("sad"), shortened("a-name-that-no-chart-has-room-for")
    ('sad', 'a-name-…oom-for')
    """
    shown, half = name, len(name) // 2
    while _width(shown) > WIDEST:
        half -= 1
        shown = f"{name[:half]}…{name[-half:]}"
    return shown


def name_width(name: str) -> float:
    """Return how wide a name may be in a chart at most, in the units of the drawing, whatever the font of a system."""
    return _width(shortened(name))


def _width(name: str) -> float:
    # a letter takes two thirds of the height of 12.5 in most fonts, an M all of it, and so does a Chinese character
    return sum(13.5 if letter in _WIDE or unicodedata.east_asian_width(letter) in "WF" else 8.2 for letter in name)


@dataclass(frozen=True)
class Line:
    """A polyline; `kind` is its CSS class, `texts` are of a mark at every point, none where there are no marks."""

    points: Sequence[tuple[float, float]]  # across and up, from 0 to 1
    kind: str
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Bar:
    """A bar that stands on the axis across, between two shares; its colour is of a strength from 0 to 100."""

    left: float
    right: float
    up: float
    strength: int
    text: str


@dataclass(frozen=True)
class Chart:
    """A chart, both axes from 0 to 1."""

    name: str
    described: str  # what it shows, in words, for whoever does not see it
    across: str  # label of the axis
    up: str = ""  # label of the other one; "" for none
    bars: Sequence[Bar] = ()  # behind the lines
    lines: Sequence[Line] = ()
    ticks_across: Ticks = PERCENT
    ticks_up: Ticks = PERCENT
    width: int = WIDTH
    height: int = HEIGHT
    left: float = 52
    right: float = WIDTH - 12
    top: float = 12

    @property
    def bottom(self) -> int:
        """Lower edge of what the axes enclose."""
        return self.height - 46

    def x(self, share: float) -> float:
        """Return the place of a share on the axis across."""
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, share: float) -> float:
        """Return the place of a share on the axis up."""
        return round(self.bottom - share * (self.bottom - self.top), 1)


@dataclass(frozen=True)
class Mark:
    """One figure of a row, a share from 0 to 1 that is not drawn if NaN, and the ends of its interval, NaN for none."""

    kind: str  # `audio`, `video` or `headline`
    share: float
    low: float = nan
    high: float = nan

    @property
    def spans(self) -> bool:
        """Whether it has an interval."""
        return not isnan(self.low)


@dataclass(frozen=True)
class Dots(Chart):
    """A chart with a row per name and a mark per figure, such as the recall of each emotion by modality."""

    rows: Sequence[tuple[str, Sequence[Mark]]] = ()
    chance: tuple[float, str] = (nan, "")  # a share that is drawn as a line, and what it is; NaN for none
    apart: bool = False  # the marks of a row lie at different heights, as their intervals would hide each other

    @classmethod
    def of(
        cls, name: str, described: str, across: str, rows: Sequence[tuple[str, Sequence[Mark]]], **further: Any
    ) -> Dots:
        """Return the chart, as high as its rows need, with room for their names; `further`: chance, apart."""
        left = round(14 + max((name_width(row) for row, _ in rows), default=0.0), 1)
        height = 10 + _ROW * len(rows) + 46
        return cls(name, described, across, height=height, left=left, right=WIDTH - 16, top=10, rows=rows, **further)

    @property
    def has_chance(self) -> bool:
        """Whether the line is drawn."""
        return not isnan(self.chance[0])

    def middle(self, row: int) -> int:
        """Return the height of a row."""
        return int(self.top) + _ROW * row + _ROW // 2

    def marks(self, row: int) -> list[tuple[Mark, float]]:
        """Return the marks of a row that are drawn, and the height of each."""
        known = [mark for mark in self.rows[row][1] if not isnan(mark.share)]
        shift = _APART if self.apart else 0
        return [(mark, round(self.middle(row) + shift * (n - (len(known) - 1) / 2), 1)) for n, mark in enumerate(known)]
