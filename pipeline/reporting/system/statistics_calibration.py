"""Calibration of the models of a report, before and after temperature scaling on validation clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from pipeline.core.posteriors import probabilities
from pipeline.evaluation.calibration import aurc, brier, ece, fit_temperature, nll, reliability, scaled, selective
from pipeline.evaluation.metrics import rounded


@dataclass(frozen=True)
class Calibration:
    """Calibration of one model.

    Attributes:
        before: of its posteriors as they are: `ece` (expected calibration error, 0 to 1), `nll` (mean negative log
            likelihood, nats) and `brier` (Brier score, 0 to 2); NaN without a clip
        after: of its posteriors at the temperature of each fold
        temperature: mean over folds; NaN where it judged nothing
        fitted: folds whose temperature was fitted; in the others it is 1
        folds: in which it judged test clips
        aurc: area under the curve of risk and coverage, 0 (best) to 1
        reliability: bins of confidence, as `pipeline.evaluation.calibration.reliability` returns them
        selective: selective accuracy, as `pipeline.evaluation.calibration.selective` returns it
    """

    before: Mapping[str, float]
    after: Mapping[str, float]
    temperature: float
    fitted: int
    folds: int
    aurc: float
    reliability: pd.DataFrame
    selective: pd.DataFrame

    def rounded(self) -> dict[str, float | None]:
        """Return the figures before scaling with four decimals, for JSON; None for what there is not."""
        return rounded({**self.before, "aurc": self.aurc})


def calibrations(
    rows: Mapping[str, pd.DataFrame], validation: pd.DataFrame, classes: Sequence[str], bins: int
) -> dict[str, Calibration]:
    """Return model or fusion -> its calibration.

    Args:
        rows: model or fusion -> its judged test clips
        validation: rows of validation clips of all of them
        classes: emotions
        bins: of the confidence
    """
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
