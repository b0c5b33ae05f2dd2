"""Figures by speaker and by gender, and whether a gap between genders may be chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd

from pipeline.evaluation.by_class import per_class
from pipeline.evaluation.metrics import confusion, uar


def by_group(rows: pd.DataFrame, groups: Sequence[str], classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return group, sorted -> clips (judged), accuracy, uar, and recall_<emotion>, NaN where no clip has it.

    `rows` are judged test clips of one model, `groups` (N,) their speakers or genders; "" is left out.

    >>> rows = pd.DataFrame({"emotion": ["sad", "sad", "anger"], "predicted": ["sad", "anger", "anger"]})
    >>> found = by_group(rows, ["female", "male", "male"], ["anger", "sad"])
    >>> {name: each["accuracy"] for name, each in found.items()}
    {'female': 1.0, 'male': 0.5}
    """
    found = {}
    names = np.array(groups, str)
    for name in np.unique(names[names != ""]):
        mine = rows[names == name]
        counts = confusion(mine["emotion"].tolist(), mine["predicted"].tolist(), classes)
        recalls = {f"recall_{emotion}": each.recall for emotion, each in per_class(counts, classes).items()}
        accuracy = float(counts.trace() / counts.sum())
        found[str(name)] = {"clips": len(mine), "accuracy": accuracy, "uar": uar(counts), **recalls}
    return found


@dataclass(frozen=True)
class Gap:
    """By how much the accuracy of one gender is above that of the other, 0 to 1, and whether that may be chance.

    `p` is two-sided, of a permutation test that reassigns the genders to the speakers; NaN where a gender has one
    speaker.
    """

    accuracy: float
    p: float


def gender_gap(rows: pd.DataFrame, genders: Mapping[str, str], draws: int, seed: int) -> Gap | None:
    """Return the gap in accuracy between the genders in judged test clips of one model; None unless there are two.

    If gender does not matter, then the gap is one of those that any other assignment of the genders to the same
    speakers would give; whole speakers, since the clips of one are alike. `genders`: speaker -> gender, "" where it is
    not known. `draws` assignments at random; all are tried where there are no more of them.
    """
    right = (rows["emotion"] == rows["predicted"]).groupby(rows["speaker"]).agg(["sum", "count"])
    known = right[[genders[speaker] != "" for speaker in right.index]]
    gender = np.array([genders[speaker] for speaker in known.index], str)
    names = np.unique(gender)
    if len(names) != 2:
        return None
    hits, clips = known["sum"].to_numpy(float), known["count"].to_numpy(float)

    def difference(one: np.ndarray, other: np.ndarray, axis: int = -1) -> np.ndarray:
        first, second = (hits[who].sum(axis=axis) / clips[who].sum(axis=axis) for who in (one, other))
        return first - second

    sides = [np.flatnonzero(gender == name) for name in names]
    gap = abs(float(difference(sides[0], sides[1])))
    if min(map(len, sides)) < 2:
        return Gap(gap, nan)
    from scipy import stats  # takes a second to import, and `predict` has no use for it

    chance = np.random.default_rng(seed)
    test = stats.permutation_test(sides, difference, vectorized=True, n_resamples=draws, random_state=chance)
    return Gap(gap, float(test.pvalue))
