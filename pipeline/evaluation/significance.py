"""Tests of one model against another on the same clips: McNemar, permutation by speaker, Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

import numpy as np
import pandas as pd

_SAME = ["fold", "clip_id"]


def paired(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return what two models made of the clips that both judged; `predicted` is empty where one judged nothing.

    One row per clip of a fold: speaker, and `one` and `other`, whether each was right.
    """
    judged = [frame[frame["predicted"] != ""] for frame in (one, other)]
    rights = [
        frame.assign(right=frame["emotion"] == frame["predicted"])[[*_SAME, "speaker", "right"]] for frame in judged
    ]
    both = rights[0].merge(rights[1].drop(columns="speaker"), on=_SAME, suffixes=("_one", "_other"))
    return both.rename(columns={"right_one": "one", "right_other": "other"})[["speaker", "one", "other"]]


def mcnemar(one: np.ndarray, other: np.ndarray) -> float:
    """Return the two-sided p of McNemar's exact test; `one` and `other`, (N,), say where two models were right.

    Of the clips that exactly one of the two got right, each got half, if they are equally good (McNemar 1947,
    Psychometrika 12(2); exact: binomial). Takes clips as independent, which those of one speaker are not. 1 where they
    were right on the same clips, NaN without a clip.

    >>> one, other = np.array([True] * 9 + [False]), np.array([True] * 3 + [False] * 7)
    >>> mcnemar(one, other)
    0.03125
    """
    if not len(one):
        return nan
    from scipy import stats

    better, worse = int((one & ~other).sum()), int((other & ~one).sum())
    return float(stats.binomtest(better, better + worse).pvalue) if better + worse else 1.0


def permutation(one: np.ndarray, other: np.ndarray, speakers: np.ndarray, draws: int, seed: int) -> float:
    """Return the two-sided p of a paired permutation test that swaps the two models for whole speakers, (N,).

    If both are equally good, then it is chance which of them has which of a speaker's results (Good 2005,
    "Permutation, parametric and bootstrap tests of hypotheses": matched pairs). See `least_p`. `draws` swaps at random;
    all 2^S are tried where there are no more of them. 1 for a single speaker, NaN without a clip.
    """
    if not len(one):
        return nan
    group = np.unique(speakers, return_inverse=True)[1]
    sums = np.bincount(group, one.astype(float)), np.bincount(group, other.astype(float))
    if len(sums[0]) == 1:
        return 1.0
    from scipy import stats

    found = stats.permutation_test(
        sums,
        lambda a, b, axis: (a - b).sum(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=draws,
        random_state=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def least_p(speakers: int, draws: int) -> float:
    """Return the p below which `permutation` never comes, however much better one model is; one speaker at least."""
    every = 2**speakers
    return 2 / (every if every <= draws else draws + 1)


def holm(p: Sequence[float]) -> np.ndarray:
    """Return p values adjusted for how many there are, by Holm's step-down method (Holm 1979, Scand. J. Statist. 6).

    The smallest is multiplied by their number, the next by one less, and so on; none may fall below the one before it
    or exceed 1. NaN, where there was nothing to test, is not counted and stays.

    >>> holm([0.01, 0.04, 0.03, nan]).round(3).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    raw = np.asarray(p, float)
    known = np.flatnonzero(~np.isnan(raw))
    order = known[np.argsort(raw[known], kind="stable")]
    steps = raw[order] * np.arange(len(order), 0, -1)
    adjusted = np.full(len(raw), nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
