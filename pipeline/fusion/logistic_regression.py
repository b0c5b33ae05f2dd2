"""logistic_regression: decision-level fusion by logistic regression, Huang et al. 2017, sections 2.2 and 4.2.

Input: the posteriors of all modalities side by side. Learned on validation clips. A clip that lacks a modality is
judged by a regression on the modalities that it has, so one is learned for every subset.
"""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import numpy as np
from pydantic import Field
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from pipeline.core.settings import Settings


class Params(Settings):
    """Regularisation."""

    c: float = Field(gt=0, description="inverse strength of the L2 penalty")


def _subsets(modalities: int) -> list[tuple[int, ...]]:
    every = range(modalities)
    return list(chain.from_iterable(combinations(every, size) for size in range(1, modalities + 1)))


def fit(params: Params, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return coefficients and intercepts for every subset of modalities, keyed by `0`, `1`, `0+1`...

    Args:
        params: regularisation
        scores: (M, N, C) of validation clips, NaN where a modality is missing
        labels: (N,)

    Returns:
        subset -> {"coefficients": (C, inputs), "intercepts": (C,)}; a class without a validation clip
        gets zero coefficients and the intercept -30, so that it is never chosen. A subset without two classes of clips is left out
    """
    state = {}
    for subset in _subsets(len(scores)):
        rows = np.hstack(list(scores[list(subset)]))
        usable = ~np.isnan(rows).any(axis=1)
        if len(set(labels[usable])) < 2:
            continue
        state["+".join(map(str, subset))] = _fit_one(params, rows[usable], labels[usable], scores.shape[2])
    return state


def _fit_one(params: Params, rows: np.ndarray, labels: np.ndarray, classes: int) -> dict[str, Any]:
    model = LogisticRegression(C=params.c, max_iter=1000).fit(rows, labels)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes: its half with either sign says the same
        coefficients = np.vstack([-coefficients, coefficients]) / 2
        intercepts = np.concatenate([-intercepts, intercepts]) / 2
    full = {"coefficients": np.zeros((classes, rows.shape[1])), "intercepts": np.full(classes, -30.0)}
    full["coefficients"][model.classes_] = coefficients
    full["intercepts"][model.classes_] = intercepts
    return {name: np.round(array, 9).tolist() for name, array in full.items()}


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:
    """Return fused posteriors (N, C) for scores (M, N, C).

    A clip whose subset could not be learned gets the mean of the posteriors that it has.
    """
    present = ~np.isnan(scores).any(axis=2)
    fused = np.full(scores.shape[1:], np.nan)
    for subset in _subsets(len(scores)):
        has = (present == np.isin(np.arange(len(scores)), subset)[:, None]).all(axis=0)
        if not has.any():
            continue
        learned = state.get("+".join(map(str, subset)))
        chosen = scores[list(subset)][:, has]
        fused[has] = _apply(chosen, learned) if learned else chosen.mean(axis=0)
    return fused


def _apply(scores: np.ndarray, learned: dict[str, Any]) -> np.ndarray:
    rows = np.hstack(list(scores))
    return softmax(rows @ np.array(learned["coefficients"]).T + np.array(learned["intercepts"]), axis=1)
