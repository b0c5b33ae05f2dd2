"""Calibration of the models of a report, before and after temperature scaling on validation clips, and its charts:
reliability, and accuracy when only the most confident decisions count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.decimals import percent
from pipeline.core.posteriors import probabilities
from pipeline.evaluation.calibration import aurc, brier, ece, fit_temperature, nll, reliability, scaled, selective
from pipeline.reporting.html.charts import Bar, Chart, Line


@dataclass(frozen=True)
class Calibration:
    """Calibration of one model."""

    before: Mapping[str, float]
    """Of its posteriors as they are: `ece` (expected calibration error, 0 to 1), `nll` (mean negative log likelihood,
    nats) and `brier` (Brier score, 0 to 2); NaN without a clip.
    """
    after: Mapping[str, float]  # of its posteriors at the temperature of each fold
    temperature: float  # mean over folds; NaN where it judged nothing
    fitted: int  # folds whose temperature was fitted; in the others it is 1
    folds: int  # in which it judged test clips
    aurc: float  # area under the curve of risk and coverage, 0 (best) to 1
    reliability: pd.DataFrame  # as `pipeline.evaluation.calibration.reliability` returns it
    selective: pd.DataFrame  # as `pipeline.evaluation.calibration.selective` returns it


def calibrations(
    rows: Mapping[str, pd.DataFrame], validation: pd.DataFrame, classes: Sequence[str], bins: int
) -> dict[str, Calibration]:
    """Return model or fusion -> its calibration, from its judged test clips and the validation clips of all of them."""
    judged = validation[validation["predicted"] != ""]
    known = {str(name): dict(list(frame.groupby("fold"))) for name, frame in judged.groupby("model")}
    return {name: _calibration(frame, known.get(name, {}), classes, bins) for name, frame in rows.items()}


def _calibration(
    rows: pd.DataFrame, validation: Mapping[str, pd.DataFrame], classes: Sequence[str], bins: int
) -> Calibration:
    posteriors, labels = probabilities(rows, classes), _labels(rows, classes)
    right = (rows["emotion"] == rows["predicted"]).to_numpy()
    fitted = {fold: _temperature(validation.get(fold), classes) for fold in rows["fold"].unique()}
    temperatures = {fold: 1.0 if found is None else found for fold, found in fitted.items()}
    calm = scaled(posteriors, rows["fold"].map(temperatures).to_numpy(float))
    confidence = posteriors.max(axis=1)
    bars, curve = reliability(confidence, right, bins), selective(confidence, right)
    return Calibration(
        before=_figures(bars, posteriors, labels),
        after=_figures(reliability(calm.max(axis=1), right, bins), calm, labels),
        temperature=float(np.mean(list(temperatures.values()))) if temperatures else nan,
        fitted=sum(found is not None for found in fitted.values()),
        folds=len(fitted),
        aurc=aurc(curve),
        reliability=bars,
        selective=curve,
    )


def _figures(bars: pd.DataFrame, posteriors: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    return {"ece": ece(bars), "nll": nll(posteriors, labels), "brier": brier(posteriors, labels)}


def _temperature(rows: pd.DataFrame | None, classes: Sequence[str]) -> float | None:
    """Return the temperature of a fold; None where its validation clips are none, or all of one emotion."""
    if rows is None or rows["emotion"].nunique() < 2:
        return None
    return fit_temperature(probabilities(rows, classes), _labels(rows, classes))


def _labels(rows: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    return np.array([classes.index(emotion) for emotion in rows["emotion"]], int)


def calibration_table(found: Mapping[str, Calibration]) -> pd.DataFrame:
    """Return a row per model or fusion: figures before and after scaling, temperature, and folds it was fitted in."""
    return pd.DataFrame(
        {
            "model": name,
            **each.before,
            "temperature": each.temperature,
            **{f"{key}_scaled": value for key, value in each.after.items()},
            "aurc": each.aurc,
            "folds_fitted": each.fitted,
            "folds": each.folds,
        }
        for name, each in found.items()
    )


def reliability_chart(bins: pd.DataFrame, name: str) -> Chart:
    """Return the accuracy of a model in every bin of confidence as a bar, and the diagonal on which they should end."""
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
    """Return the accuracy of the most confident share of a model's decisions, and that of all as a level line."""
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
