"""Charts of how confident a model is: reliability, and accuracy when only the most confident decisions count."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

from pipeline.reporting.html.charts import Bar, Chart, Line
from pipeline.reporting.html.page import percent


def reliability_chart(bins: pd.DataFrame, name: str) -> Chart:
    """Return the accuracy of every bin of confidence as a bar, and the diagonal on which they should end.

    Args:
        bins: as `pipeline.evaluation.calibration.reliability` returns them
        name: of the model
    """
    filled = bins[bins["clips"] > 0]
    most = filled["clips"].max() if len(filled) else 1
    bars = [_bar(row, most) for row in filled.to_dict("records")]
    said = "; ".join(bar.text for bar in bars)
    text = f"Accuracy of the decisions of {name} by its confidence, in {len(filled)} bins. {said}"
    return Chart("Reliability", text, "confidence, %", "accuracy, %", bars, [Line([(0, 0), (1, 1)], "ideal")])


def _bar(row: dict[str, Any], most: int) -> Bar:
    span = f"{percent(row['low'], 0)} to {percent(row['high'], 0)}"
    figures = f"confidence {percent(row['confidence'])}, accuracy {percent(row['accuracy'])}"
    text, strength = f"{span}: {row['clips']} clips, {figures}", round(25 + 60 * sqrt(row["clips"] / most))
    return Bar(row["low"], row["high"], row["accuracy"], strength, text)


def selective_chart(curve: pd.DataFrame, name: str) -> Chart:
    """Return the accuracy of the most confident share of the decisions, and that of all as a level line.

    Args:
        curve: as `pipeline.evaluation.calibration.selective` returns it
        name: of the model
    """
    points = list(zip(curve["coverage"], curve["accuracy"], strict=True))
    lines = [Line([(0, points[-1][1]), (1, points[-1][1])], "ideal"), Line(points, "curve")] if points else []
    shares = [(share, _first(curve, share)) for share in (0.25, 0.5, 0.75, 1.0)] if points else []
    said = "; ".join(f"{percent(share, 0)} of the clips: {percent(accuracy)}" for share, accuracy in shares)
    text = f"Accuracy of {name} on the share of the clips where it is most confident. {said}"
    return Chart("Selective accuracy", text, "coverage, % of the judged clips", "accuracy, %", lines=lines)


def _first(curve: pd.DataFrame, share: float) -> float:
    """Return the accuracy at the least coverage that is not below a share."""
    place = min(int(np.searchsorted(curve["coverage"], share)), len(curve) - 1)
    return float(curve["accuracy"].iloc[place])
