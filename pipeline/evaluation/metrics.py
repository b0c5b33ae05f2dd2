"""Metrics: accuracy, UAR, F1, confusion matrices and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.evaluation.bootstrap import interval_of


class ReportParams(Settings):
    """`report`."""

    bootstrap: Literal["clips", "speakers"] = Field(
        default="speakers",
        description="what the 95 % intervals draw with replacement: clips; or speakers with all of their clips, and "
        "then they are never narrower than with clips",
    )
    draws: int = Field(default=2000, ge=100, description="bootstrap samples, and permutations of a test")
    bins: int = Field(default=15, ge=1, description="of the confidence, for the calibration error {Guo 2017: 15}")
    reference: Mapping[str, str] = Field(
        default={},
        description="system -> model or fusion that all others are compared with; the one that its page names as "
        "best if not given",
    )


@dataclass(frozen=True)
class Score:
    """Figures of one model or fusion on the test clips that it could judge.

    The ends of the 95 % intervals are of a percentile bootstrap over clips or speakers, see `interval_of`, NaN where
    there is but one to draw; those of UAR are from the draws of those of accuracy.
    """

    accuracy: float
    uar: float  # unweighted average recall over the emotions that occur
    micro_f1: float  # Huang et al. 2017, eq. (4); equal to accuracy where every clip gets one label
    low: float
    high: float
    n: int  # clips judged
    coverage: float  # `n` / test clips of the protocol
    macro_f1: float = nan  # mean over the emotions that occur as truth or as decision
    uar_low: float = nan
    uar_high: float = nan


def rounded(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures with four decimals, for JSON; None for NaN, what a model that judged nothing does not have."""
    return {key: None if isnan(value) else round(value, 4) for key, value in figures.items()}


def best(scores: Mapping[str, Score]) -> str:
    """Return the name with the highest accuracy, the first of equals; one that judged nothing comes last."""
    return max(scores, key=lambda name: -1.0 if isnan(scores[name].accuracy) else scores[name].accuracy)


def confusion(truth: Sequence[Hashable], predicted: Sequence[Hashable], classes: Sequence[Hashable]) -> np.ndarray:
    """Return counts (C, C): rows are the truth, columns the decision.

    >>> counts = confusion(["sad", "sad", "anger"], ["sad", "anger", "anger"], ["anger", "sad"])
    >>> counts.tolist()
    [[1, 0], [1, 1]]
    >>> uar(counts), round(micro_f1(counts), 3)
    (0.75, 0.667)
    """
    index = {name: number for number, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, ([index[t] for t in truth], [index[p] for p in predicted]), 1)
    return counts


def percentages(counts: np.ndarray) -> np.ndarray:
    """Return a confusion matrix in % of its rows, (C, C); a row without clips is NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    return 100 * np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)


def uar(counts: np.ndarray) -> float:
    """Return the unweighted average recall of a confusion matrix, over the rows that have clips."""
    totals = counts.sum(axis=1)
    occurring = totals > 0
    return float((counts.diagonal()[occurring] / totals[occurring]).mean()) if occurring.any() else nan


@dataclass(frozen=True)
class ClassFigures:
    """How well one emotion is told from the others; NaN where a share of nothing would be asked for."""

    precision: float  # right / decisions
    recall: float  # right / clips
    f_score: float  # harmonic mean of both, counted as 2 right / (decisions + clips): 0 where all its clips were missed
    right: int  # clips of it that were recognised
    clips: int  # judged clips of it
    decisions: int  # clips that were taken for it


def per_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, ClassFigures]:
    """Return emotion -> figures of counts (C, C), rows are the truth, as in Zhang et al. 2017, Tables VII to IX."""
    found = {}
    figures = zip(classes, counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0), strict=True)
    for name, right, clips, decisions in figures:
        shares = (_share(right, decisions), _share(right, clips), _share(2 * right, decisions + clips))
        found[name] = ClassFigures(*shares, int(right), int(clips), int(decisions))
    return found


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else nan


def micro_f1(counts: np.ndarray) -> float:
    """Return F1 over the pooled true and false positives and negatives of all classes, eq. (4)."""
    true = counts.diagonal().sum()
    false = counts.sum() - true  # a false positive of one class is a false negative of another
    total = 2 * true + false + false
    return float(2 * true / total) if total else nan


def macro_f1(counts: np.ndarray) -> float:
    """Return the mean F1 over the classes that occur as truth or decision: scikit-learn's `average="macro"`."""
    either = counts.sum(axis=0) + counts.sum(axis=1)
    occurring = either > 0
    return float((2 * counts.diagonal()[occurring] / either[occurring]).mean()) if occurring.any() else nan


def score(frame: pd.DataFrame, classes: Sequence[str], test_clips: int, params: ReportParams | None = None) -> Score:
    """Return the figures of one model; `test_clips` is how many the protocol tests, judged or not.

    `frame` has its rows of test clips, columns `emotion` and `predicted`, and to draw speakers `speaker`; an empty
    `predicted` is not judged.

    >>> rows = pd.DataFrame({"emotion": ["sad", "sad", "anger", "anger"], "predicted": ["sad", "anger", "anger", ""],
    ...     "speaker": ["a", "b", "a", "b"]})
    >>> found = score(rows, ["anger", "sad"], test_clips=4)
    >>> round(found.accuracy, 3), found.uar, found.n, found.coverage
    (0.667, 0.75, 3, 0.75)
    """
    params = params or ReportParams()
    judged = frame[frame["predicted"] != ""]
    truth, predicted = judged["emotion"].to_numpy(), judged["predicted"].to_numpy()
    right = (truth == predicted).astype(float)
    counts = confusion(truth, predicted, classes)
    groups = judged["speaker"].to_numpy(str) if params.bootstrap == "speakers" else None
    low, high = interval_of(right, groups, params.draws)
    uar_low, uar_high = interval_of(right, groups, params.draws, truth.astype(str))
    accuracy, coverage = float(right.mean()) if len(right) else nan, len(right) / test_clips
    micro, macro = micro_f1(counts), macro_f1(counts)
    return Score(accuracy, uar(counts), micro, low, high, len(right), coverage, macro, uar_low, uar_high)
