"""How well, and how sure: accuracy, UAR, F1, confusion and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import isnan, nan
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.core.settings import Settings

SEED = 2017


class ReportParams(Settings):
    """`report`."""

    bootstrap: Literal["clips", "speakers"] = Field(
        default="speakers",
        description="what intervals draw with replacement; clips of a speaker are alike, so clips give too narrow ones",
    )
    draws: int = Field(default=2000, ge=100, description="bootstrap samples, and permutations of a test")
    bins: int = Field(default=15, ge=1, description="of the confidence, for the calibration error; Guo et al. 2017 have 15")
    reference: Mapping[str, str] = Field(
        default={}, description="system -> model or fusion that all others are compared with; the one that its page names as best if not given"
    )


@dataclass(frozen=True)
class Score:
    """Figures of one model or fusion on the test clips that it could judge.

    Attributes:
        accuracy: share of right decisions
        uar: unweighted average recall over the emotions that occur
        micro_f1: Huang et al. 2017, eq. (4); equal to accuracy where every clip gets one label
        low: lower end of the 95 % interval of accuracy, percentile bootstrap over clips or speakers; NaN where there is
            but one to draw
        high: upper end
        n: clips judged
        coverage: `n` / test clips of the protocol
        macro_f1: mean F1 over the emotions that occur as truth or as decision
        uar_low: lower end of the 95 % interval of UAR, from the draws of that of accuracy
        uar_high: upper end
    """

    accuracy: float
    uar: float
    micro_f1: float
    low: float
    high: float
    n: int
    coverage: float
    macro_f1: float = nan
    uar_low: float = nan
    uar_high: float = nan

    def rounded(self) -> dict[str, float | None]:
        """Return the figures with four decimals, for JSON; None for what a model that judged nothing does not have."""
        return {key: None if isnan(value) else round(value, 4) for key, value in asdict(self).items()}


def best(scores: Mapping[str, Score]) -> str:
    """Return the name with the highest accuracy, the first of equals; one that judged nothing comes last."""
    return max(scores, key=lambda name: -1.0 if isnan(scores[name].accuracy) else scores[name].accuracy)


def confusion(truth: Sequence[Hashable], predicted: Sequence[Hashable], classes: Sequence[Hashable]) -> np.ndarray:
    """Return counts (C, C): rows are the truth, columns the decision."""
    index = {name: number for number, name in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, ([index[t] for t in truth], [index[p] for p in predicted]), 1)
    return counts


def uar(counts: np.ndarray) -> float:
    """Return the unweighted average recall of a confusion matrix, over the rows that have clips."""
    totals = counts.sum(axis=1)
    occurring = totals > 0
    return float((counts.diagonal()[occurring] / totals[occurring]).mean()) if occurring.any() else nan


@dataclass(frozen=True)
class ClassFigures:
    """How well one emotion is told from the others; NaN where a share of nothing would be asked for.

    Attributes:
        precision: right decisions for it / decisions for it
        recall: right decisions for it / its clips
        f_score: harmonic mean of both, counted as 2 right / (decisions + clips): 0 where all its clips were missed
        right: clips of it that were recognised
        clips: judged clips of it
        decisions: clips that were taken for it
    """

    precision: float
    recall: float
    f_score: float
    right: int
    clips: int
    decisions: int


def per_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, ClassFigures]:
    """Return emotion -> figures, as in Zhang et al. 2017, Tables VII to IX.

    Args:
        counts: (C, C), rows are the truth
        classes: of rows and columns
    """
    found = {}
    for name, right, clips, decisions in zip(
        classes, counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0), strict=True
    ):
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
    """Return the mean F1 over the classes that occur as truth or as decision, as scikit-learn's `average="macro"` does."""
    either = counts.sum(axis=0) + counts.sum(axis=1)
    occurring = either > 0
    return float((2 * counts.diagonal()[occurring] / either[occurring]).mean()) if occurring.any() else nan


@lru_cache(maxsize=1)  # the models of a report are drawn alike, one after the other
def _drawn(groups: int, draws: int, seed: int) -> np.ndarray:
    """Return how often each draw of a bootstrap holds each group, (draws, groups)."""
    places = np.random.default_rng(seed).integers(0, groups, (draws, groups)) + groups * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * groups).reshape(draws, groups).astype(float)


def interval(
    right: np.ndarray, groups: np.ndarray | None = None, draws: int = 2000, seed: int = SEED, classes: np.ndarray | None = None
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean.

    Args:
        right: (N,) of 0 and 1
        groups: (N,) what is drawn with replacement, with all of its clips; the mean is that of the pooled clips
            (cluster bootstrap: Davison and Hinkley 1997, "Bootstrap methods and their application", section 3.8); or clips
        draws: bootstrap samples
        seed: of the draws, so that models that judged the same clips are drawn alike
        classes: (N,) emotions; then of the mean recall of those that a draw holds (UAR)

    Returns:
        Both ends; NaN where there is but one group, since drawing it again and again tells nothing
    """
    group = np.arange(len(right)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(right) == 0 or group.max() == 0:
        return nan, nan
    kind = np.zeros(len(right), int) if classes is None else np.unique(classes, return_inverse=True)[1]
    hits, clips = np.zeros((2, group.max() + 1, kind.max() + 1))
    np.add.at(hits, (group, kind), right)
    np.add.at(clips, (group, kind), 1)
    times = _drawn(len(hits), draws, seed)
    shown = times @ clips
    recalls = np.divide(times @ hits, shown, out=np.full(shown.shape, nan), where=shown > 0)
    low, high = np.quantile(np.nanmean(recalls, axis=1), [0.025, 0.975])
    return float(low), float(high)


def score(frame: pd.DataFrame, classes: Sequence[str], test_clips: int, params: ReportParams | None = None) -> Score:
    """Return the figures of one model.

    Args:
        frame: its rows of test clips, columns `emotion` and `predicted`; an empty `predicted` is not judged. To draw
            speakers, also `speaker`
        classes: emotions
        test_clips: clips that the protocol tests, judged or not
        params: how intervals are found; None = the defaults
    """
    params = params or ReportParams()
    judged = frame[frame["predicted"] != ""]
    truth, predicted = judged["emotion"].to_numpy(), judged["predicted"].to_numpy()
    right = (truth == predicted).astype(float)
    counts = confusion(truth, predicted, classes)
    groups = judged["speaker"].to_numpy(str) if params.bootstrap == "speakers" else None
    low, high = interval(right, groups, params.draws)
    uar_low, uar_high = interval(right, groups, params.draws, classes=truth.astype(str))
    accuracy, coverage = float(right.mean()) if len(right) else nan, len(right) / test_clips
    micro, macro = micro_f1(counts), macro_f1(counts)
    return Score(accuracy, uar(counts), micro, low, high, len(right), coverage, macro, uar_low, uar_high)
