"""Charts of a page as plain numbers: where the SVG of `templates/chart.html` has its bars, lines and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from pipeline.reporting.html.page import percent

WIDTH, HEIGHT = 380, 300
"""Of the drawing, in its own units."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 46
PERCENT = ((0.0, "0"), (0.25, "25"), (0.5, "50"), (0.75, "75"), (1.0, "100"))
"""Ticks of an axis of shares."""
Ticks = Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Chart:
    """A chart, both axes from 0 to 1.

    Attributes:
        name: what it is called
        described: what it shows, in words, for whoever does not see it
        across: label of the axis across
        up: label of the axis up
        bars: x, y, width, height, strength (0 to 100) and text of each
        lines: `points` of an SVG polyline and its class, of each
        marked_across: where the axis across has ticks, and what stands there
        marked_up: the same of the axis up
    """

    name: str
    described: str
    across: str
    up: str
    bars: list[dict[str, Any]]
    lines: list[dict[str, str]]
    marked_across: Ticks = PERCENT
    marked_up: Ticks = PERCENT
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def frame(self) -> dict[str, float]:
        """Edges of what the axes enclose: left, right, top, bottom."""
        return {"left": _LEFT, "right": WIDTH - _RIGHT, "top": _TOP, "bottom": HEIGHT - _BOTTOM}

    @property
    def ticks_across(self) -> list[dict[str, Any]]:
        """Place and text of each tick of the axis across."""
        return [{"x": _x(tick), "text": text} for tick, text in self.marked_across]

    @property
    def ticks_up(self) -> list[dict[str, Any]]:
        """Place and text of each tick of the axis up."""
        return [{"y": _y(tick), "text": text} for tick, text in self.marked_up]


def _x(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def line(points: Sequence[tuple[float, float]], kind: str) -> dict[str, str]:
    """Return a polyline of a class through points across and up, both from 0 to 1."""
    return {"points": " ".join(f"{_x(across):.1f},{_y(up):.1f}" for across, up in points), "kind": kind}


def reliability_chart(bins: pd.DataFrame, name: str) -> Chart:
    """Return the accuracy of every bin of confidence as a bar, and the diagonal on which they should end.

    Args:
        bins: as `pipeline.evaluation.calibration.reliability` returns them
        name: of the model
    """
    filled = bins[bins["clips"] > 0]
    most = filled["clips"].max() if len(filled) else 1
    bars = [_bar(row, most) for row in filled.to_dict("records")]
    said = "; ".join(bar["text"] for bar in bars)
    text = f"Accuracy of the decisions of {name} by how sure it is, in {len(filled)} bins of confidence. {said}"
    return Chart("Reliability", text, "confidence, %", "accuracy, %", bars, [line([(0, 0), (1, 1)], "ideal")])


def _bar(row: dict[str, Any], most: int) -> dict[str, Any]:
    left, right, top = _x(row["low"]), _x(row["high"]), _y(row["accuracy"])
    span = f"{percent(row['low'], 0)} to {percent(row['high'], 0)}"
    return {
        "x": left,
        "y": top,
        "width": round(right - left, 1),
        "height": round(_y(0) - top, 1),
        "strength": round(25 + 60 * sqrt(row["clips"] / most)),
        "text": f"{span}: {row['clips']} clips, confidence {percent(row['confidence'])}, accuracy {percent(row['accuracy'])}",
    }


def selective_chart(curve: pd.DataFrame, name: str) -> Chart:
    """Return the accuracy of the surest share of the clips, and that of all as a level line.

    Args:
        curve: as `pipeline.evaluation.calibration.selective` returns it
        name: of the model
    """
    points = list(zip(curve["coverage"], curve["accuracy"], strict=True))
    lines = [line([(0, points[-1][1]), (1, points[-1][1])], "ideal"), line(points, "curve")] if points else []
    shares = [(share, _first(curve, share)) for share in (0.25, 0.5, 0.75, 1.0)] if points else []
    said = "; ".join(f"{percent(share, 0)} of the clips: {percent(accuracy)}" for share, accuracy in shares)
    text = f"Accuracy of {name} on the share of the clips on which it is surest. {said}"
    return Chart("Accuracy of the surest share", text, "coverage, % of the judged clips", "accuracy, %", [], lines)


def _first(curve: pd.DataFrame, share: float) -> float:
    """Return the accuracy at the least coverage that is not below a share."""
    place = min(int(np.searchsorted(curve["coverage"], share)), len(curve) - 1)
    return float(curve["accuracy"].iloc[place])
