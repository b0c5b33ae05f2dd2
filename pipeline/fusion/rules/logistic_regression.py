"""logistic_regression: decision-level fusion by logistic regression, Huang et al. 2017, sections 2.2 and 4.2.

Input: the posteriors of all models side by side. Learned on validation clips. A clip that a model could not judge goes
to a regression on the models that did, so one is learned for every subset. The paper says nothing of a penalty: here it
is L2, with the strength that cross-validation inside the validation clips prefers.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, combinations
from typing import Annotated, Any

import numpy as np
from pydantic import Field
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from pipeline.core.settings import Settings
from pipeline.fusion.rules import DECIMALS, deal

_NEVER = -30.0
"""Intercept of a class without a validation clip."""


class Params(Settings):
    """Candidates."""

    c: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=1, description="candidates for the inverse strength of the L2 penalty"
    )


def _subsets(models: int) -> dict[str, list[int]]:
    """Return every subset of the models by its key: `0`, `1`, `0+1`..."""
    chosen = chain.from_iterable(combinations(range(models), size) for size in range(1, models + 1))
    return {"+".join(map(str, subset)): list(subset) for subset in chosen}


def fit(params: Params, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return {"c": chosen, "coefficients": (C, inputs), "intercepts": (C,)} for every subset of models.

    A class without a validation clip gets zero coefficients and the intercept -30, so that it is never chosen. A subset
    without two classes of clips is left out.
    """
    state = {}
    for key, subset in _subsets(len(scores)).items():
        rows = np.hstack(list(scores[subset]))
        usable = ~np.isnan(rows).any(axis=1)
        numbers = labels[usable].astype(np.int64)
        if len(set(numbers.tolist())) >= 2:
            given = (rows[usable].tobytes(), numbers.tobytes(), rows.shape[1], scores.shape[2])
            state[key] = _learned(params.c, *given)
    return state


@lru_cache(maxsize=512)
def _learned(candidates: tuple[float, ...], values: bytes, numbers: bytes, width: int, classes: int) -> dict[str, Any]:
    """Return c, coefficients (C, width) and intercepts (C,); arrays come as bytes, which can be looked up.

    Remembered, since every pair that a model is part of asks for the regression on that model alone.
    """
    rows, labels = np.frombuffer(values).reshape(-1, width), np.frombuffer(numbers, np.int64)
    c = choose_c(candidates, rows, labels)
    model = _regression(c, rows, labels)
    found, free = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes: its half with either sign says the same
        found, free = np.vstack([-found, found]) / 2, np.concatenate([-free, free]) / 2
    coefficients, intercepts = np.zeros((classes, width)), np.full(classes, _NEVER)
    coefficients[model.classes_], intercepts[model.classes_] = found, free
    return {
        "c": c,
        "coefficients": np.round(coefficients, DECIMALS).tolist(),
        "intercepts": np.round(intercepts, DECIMALS).tolist(),
    }


def _regression(c: float, rows: np.ndarray, labels: np.ndarray) -> LogisticRegression:
    # of scikit-learn's solvers the fastest on some thirty clips, of which fusion asks for thousands
    return LogisticRegression(C=c, solver="newton-cg", tol=1e-6, max_iter=1000).fit(rows, labels)


def choose_c(candidates: tuple[float, ...], rows: np.ndarray, labels: np.ndarray) -> float:
    """Return the candidate with the lowest log loss on held-out validation clips, the smaller of equals.

    Up to five stratified folds. A class with a single clip takes no part: held out, it could not be learned. Where
    fewer than two classes are left, nothing speaks for any candidate and the smallest, the strongest penalty, is taken.
    """
    names, counts = np.unique(labels, return_counts=True)
    kept = np.isin(labels, names[counts > 1])
    rows, labels, ordered = rows[kept], labels[kept], sorted(candidates)
    if len(ordered) == 1 or len(set(labels)) < 2:
        return ordered[0]
    folds = deal(labels)
    losses = np.zeros(len(ordered))
    for fold in range(folds.max() + 1):
        held = folds == fold
        for number, c in enumerate(ordered):
            model = _regression(c, rows[~held], labels[~held])
            own = np.searchsorted(model.classes_, labels[held])
            losses[number] -= model.predict_log_proba(rows[held])[np.arange(held.sum()), own].sum()
    return ordered[int(np.round(losses / len(labels), DECIMALS).argmin())]


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:
    """Return fused posteriors (N, C) for scores (M, N, C).

    A clip whose subset could not be learned gets the mean of the posteriors that it has.
    """
    present = ~np.isnan(scores).any(axis=2)
    fused = np.full(scores.shape[1:], np.nan)
    for key, subset in _subsets(len(scores)).items():
        has = (present == np.isin(np.arange(len(scores)), subset)[:, None]).all(axis=0)
        if not has.any():
            continue
        chosen = scores[subset][:, has]
        if learned := state.get(key):
            sums = np.hstack(list(chosen)) @ np.array(learned["coefficients"]).T + np.array(learned["intercepts"])
            fused[has] = softmax(sums, axis=1)
        else:
            fused[has] = chosen.mean(axis=0)
    return fused
