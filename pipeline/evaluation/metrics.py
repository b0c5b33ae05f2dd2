"""Metrics: accuracy, UAR, F1, confusion matrices and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any, Literal

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
    macro_precision: float = nan  # MEC 2016 and 2017 rank by it; mean over the emotions that occur, as macro-F1
    folds: int = 0  # those with a judged clip; the four below are over them
    fold_accuracy: float = nan  # mean of the folds' accuracies, what LOSO papers print
    fold_accuracy_sd: float = nan  # their standard deviation (N - 1), NaN for one fold
    fold_uar: float = nan
    fold_uar_sd: float = nan


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


def macro_precision(counts: np.ndarray) -> float:
    """Return the mean precision over the classes that occur as truth or decision, 0 for one that was never decided for:
    "macro average precision", by which the challenges MEC 2016 and 2017 rank (Li et al. 2016, 2018).

    >>> macro_precision(np.array([[2, 0, 0], [1, 0, 0], [0, 0, 0]]))
    0.3333333333333333
    """
    decisions = counts.sum(axis=0)
    occurring = decisions + counts.sum(axis=1) > 0
    return float((counts.diagonal() / np.maximum(decisions, 1))[occurring].mean()) if occurring.any() else nan


def over_folds(figures: Sequence[float]) -> tuple[float, float]:
    """Return the mean of one figure per fold and their standard deviation (N - 1); NaN where there are too few.

    Each fold counts once, whatever its number of clips.

    >>> over_folds([0.5, 0.7]), over_folds([0.5])
    ((0.6, 0.14142135623730948), (0.5, nan))
    """
    mean = float(np.mean(figures)) if len(figures) else nan
    return mean, float(np.std(figures, ddof=1)) if len(figures) > 1 else nan


def score(frame: pd.DataFrame, classes: Sequence[str], test_clips: int, params: ReportParams | None = None) -> Score:
    """Return the figures of one model; `test_clips` is how many the protocol tests, judged or not.

    `frame` has its rows of test clips, columns `emotion` and `predicted`, to draw speakers `speaker`, and for figures
    over folds `fold`; an empty `predicted` is not judged.

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
    return Score(
        accuracy=_accuracy(counts), uar=uar(counts), micro_f1=micro_f1(counts), low=low, high=high, n=len(right),
        coverage=len(right) / test_clips, macro_f1=macro_f1(counts), uar_low=uar_low, uar_high=uar_high,
        macro_precision=macro_precision(counts), **_by_fold(judged, classes),
    )  # fmt: skip


def _by_fold(judged: pd.DataFrame, classes: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a `Score` that are over folds, from judged test clips."""
    folds = [] if "fold" not in judged else [frame for _, frame in judged.groupby("fold")]
    counts = [confusion(frame["emotion"].tolist(), frame["predicted"].tolist(), classes) for frame in folds]
    (accuracy, accuracy_sd), (recall, recall_sd) = (over_folds([*map(of, counts)]) for of in (_accuracy, uar))
    return {
        "folds": len(folds),
        "fold_accuracy": accuracy,
        "fold_accuracy_sd": accuracy_sd,
        "fold_uar": recall,
        "fold_uar_sd": recall_sd,
    }


def _accuracy(counts: np.ndarray) -> float:
    return float(counts.trace() / counts.sum()) if counts.sum() else nan
