"""Calibration: expected calibration error, proper scores, temperature scaling, and selective accuracy."""

from __future__ import annotations

from math import exp, log, nan

import numpy as np
import pandas as pd
from scipy.special import log_softmax

LEAST = 5e-7
"""Least posterior that a table can mean: it has six decimals, and what it rounds to 0 may be as large as this."""
TEMPERATURES = (0.05, 20.0)
"""Between them a temperature is sought: where every validation clip is right, ever smaller ones would fit better."""


def scaled(posteriors: np.ndarray, temperature: float | np.ndarray = 1.0) -> np.ndarray:
    """Return posteriors (N, C) at a temperature, one or (N,): softmax(log p / T), Guo et al. 2017, section 4.2, eq. 9.

    Log posteriors stand for the class scores, from which they differ by a constant per clip, which softmax undoes.
    A temperature above 1 is less confident; none changes which class is the most likely. At T = 1 the posteriors stay,
    but for those below `LEAST`.

    >>> scaled(np.array([[0.9, 0.1]]), temperature=2.0).round(3).tolist()
    [[0.75, 0.25]]
    """
    return np.exp(_logs(posteriors, temperature))


def _logs(posteriors: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    per_clip = np.broadcast_to(temperature, len(posteriors))[:, None]
    return log_softmax(np.log(np.maximum(posteriors, LEAST)) / per_clip, axis=1)


def nll(posteriors: np.ndarray, labels: np.ndarray, temperature: float | np.ndarray = 1.0) -> float:
    """Return the mean negative log likelihood of labels (N,), nats, under posteriors (N, C); NaN without a clip."""
    return float(-_logs(posteriors, temperature)[np.arange(len(labels)), labels].mean()) if len(labels) else nan


def brier(posteriors: np.ndarray, labels: np.ndarray) -> float:
    """Return the Brier score, 0 (sure and right) to 2 (sure and wrong); NaN without a clip.

    Mean over clips of the squared distance between posteriors (N, C) and the truth, labels (N,) (Brier 1950, Monthly
    Weather Review 78, eq. 2).
    """
    if not len(labels):
        return nan
    return float(((posteriors - np.eye(posteriors.shape[1])[labels]) ** 2).sum(axis=1).mean())


def fit_temperature(posteriors: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature within `TEMPERATURES` at which validation clips, one at least, have the least negative
    log likelihood.
    """
    from scipy.optimize import minimize_scalar  # slow to load, and everything that reads a report's names imports this

    # the likelihood has a single peak in 1 / T, thus in log T, so a search within bounds finds it
    found = minimize_scalar(
        lambda x: nll(posteriors, labels, exp(x)), bounds=tuple(map(log, TEMPERATURES)), method="bounded"
    )
    return exp(found.x) if found.fun < nll(posteriors, labels) else 1.0


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int) -> pd.DataFrame:
    """Return the accuracy of a model by its confidence (Guo et al. 2017, section 2, reliability diagrams).

    `confidence` (N,) is the posterior of the decision, `right` (N,) whether it was right. One row per bin: low, high,
    clips, confidence and accuracy; the last two are means, NaN in an empty bin. The bins are of equal width; each holds
    its upper end, as in the paper.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], confidence)
    clips = np.bincount(place, minlength=bins)
    means = [
        np.divide(np.bincount(place, values, bins), clips, out=np.full(bins, nan), where=clips > 0)
        for values in (confidence, right.astype(float))
    ]
    return pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "clips": clips, "confidence": means[0], "accuracy": means[1]}
    )


def ece(table: pd.DataFrame) -> float:
    """Return the expected calibration error of what `reliability` returns, 0 to 1; NaN without a clip.

    Mean gap between confidence and accuracy over bins, weighed by their clips (Guo et al. 2017, eq. 3).
    """
    total = table["clips"].sum()
    return float(((table["confidence"] - table["accuracy"]).abs() * table["clips"]).sum() / total) if total else nan


def selective(confidence: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    """Return the selective accuracy (El-Yaniv and Wiener 2010, JMLR 11: risk and coverage); as for `reliability`.

    One row per confidence that occurs, the highest first: coverage, the share of clips that are as sure, and accuracy.
    Clips of equal confidence are taken together, so that their order is of no matter.
    """
    levels, level = np.unique(-confidence, return_inverse=True)
    taken = np.cumsum(np.bincount(level, minlength=len(levels)))
    hits = np.cumsum(np.bincount(level, right.astype(float), len(levels)))
    return pd.DataFrame({"coverage": taken / max(len(confidence), 1), "accuracy": hits / taken})


def aurc(curve: pd.DataFrame) -> float:
    """Return the area under the risk of what `selective` returns, 0 (best) to 1; NaN without a clip.

    Mean over clips of the error of all that are as sure as it or surer (Geifman et al. 2019, "Bias-reduced uncertainty
    estimation for deep neural classifiers", section 2: AURC).
    """
    return nan if curve.empty else float((np.diff(curve["coverage"], prepend=0) * (1 - curve["accuracy"])).sum())
