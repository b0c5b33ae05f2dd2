"""Charts of a page as plain numbers: where the SVG of `templates/system.html` has its bars, lines and labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from pipeline.reporting.page import percent

WIDTH, HEIGHT = 380, 300
"""Of the drawing, in its own units."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 46
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Chart:
    """A chart of shares, both axes from 0 to 1.

    Attributes:
        name: what it is called
        described: what it shows, in words, for whoever does not see it
        across: label of the axis across
        up: label of the axis up
        bars: x, y, width, height, strength (0 to 100) and text of each
        lines: `points` of an SVG polyline and its class, of each
    """

    name: str
    described: str
    across: str
    up: str
    bars: list[dict[str, Any]]
    lines: list[dict[str, str]]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def frame(self) -> dict[str, float]:
        """Edges of what the axes enclose: left, right, top, bottom."""
        return {"left": _LEFT, "right": WIDTH - _RIGHT, "top": _TOP, "bottom": HEIGHT - _BOTTOM}

    @property
    def ticks(self) -> list[dict[str, Any]]:
        """Place on both axes, and text, of each tick."""
        return [{"x": _x(tick), "y": _y(tick), "text": f"{100 * tick:.0f}"} for tick in _TICKS]


def _x(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def _line(points: list[tuple[float, float]], kind: str) -> dict[str, str]:
    return {"points": " ".join(f"{_x(across):.1f},{_y(up):.1f}" for across, up in points), "kind": kind}


def reliability_chart(bins: pd.DataFrame, name: str) -> Chart:
    """Return the accuracy of every bin of confidence as a bar, and the diagonal on which they should end.

    Args:
        bins: as `pipeline.statistics.calibration.reliability` returns them
        name: of the model
    """
    filled = bins[bins["clips"] > 0]
    most = filled["clips"].max() if len(filled) else 1
    bars = [_bar(row, most) for row in filled.to_dict("records")]
    said = "; ".join(bar["text"] for bar in bars)
    text = f"Accuracy of the decisions of {name} by how sure it is, in {len(filled)} bins of confidence. {said}"
    return Chart("Reliability", text, "confidence, %", "accuracy, %", bars, [_line([(0, 0), (1, 1)], "ideal")])


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
        curve: as `pipeline.statistics.calibration.selective` returns it
        name: of the model
    """
    points = list(zip(curve["coverage"], curve["accuracy"], strict=True))
    lines = [_line([(0, points[-1][1]), (1, points[-1][1])], "ideal"), _line(points, "curve")] if points else []
    shares = [(share, _first(curve, share)) for share in (0.25, 0.5, 0.75, 1.0)] if points else []
    said = "; ".join(f"{percent(share, 0)} of the clips: {percent(accuracy)}" for share, accuracy in shares)
    text = f"Accuracy of {name} on the share of the clips on which it is surest. {said}"
    return Chart("Accuracy of the surest share", text, "coverage, % of the judged clips", "accuracy, %", [], lines)


def _first(curve: pd.DataFrame, share: float) -> float:
    """Return the accuracy at the least coverage that is not below a share."""
    place = min(int(np.searchsorted(curve["coverage"], share)), len(curve) - 1)
    return float(curve["accuracy"].iloc[place])
