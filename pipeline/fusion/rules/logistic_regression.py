"""logistic_regression: decision-level fusion by logistic regression, Huang et al. 2017, sections 2.2 and 4.2.

Input: the posteriors of all models side by side. Learned on validation clips. A clip that a model could not judge goes
to a regression on the models that did, so one is learned for every subset. The paper says nothing of a penalty: here it
is L2, with the strength that cross-validation inside the validation clips prefers, one speaker after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain, combinations
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field
from scipy.special import softmax

from pipeline.core.settings import Settings
from pipeline.fusion.rules import DECIMALS
from pipeline.protocols.held_out import held_out_parts

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

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


def fit(
    params: Params, scores: np.ndarray, labels: np.ndarray, speakers: Sequence[str] | np.ndarray = ()
) -> dict[str, Any]:
    """Return {"c": chosen, "coefficients": (C, inputs), "intercepts": (C,)} for every subset of models.

    A class without a validation clip gets zero coefficients and the intercept -30, so that it is never chosen. A subset
    without two classes of clips is left out.
    """
    state, names = {}, np.array(speakers, str)
    for key, subset in _subsets(len(scores)).items():
        rows = np.hstack(list(scores[subset]))
        usable = ~np.isnan(rows).any(axis=1)
        numbers = labels[usable].astype(np.int64)
        if len(set(numbers.tolist())) >= 2:
            parts = held_out_parts(names[usable] if len(names) else (), numbers, least=2, most=5)
            given = (rows[usable].tobytes(), numbers.tobytes(), parts.tobytes(), rows.shape[1], scores.shape[2])
            state[key] = _learned(params.c, *given)
    return state


@lru_cache(maxsize=512)
def _learned(
    candidates: tuple[float, ...], values: bytes, numbers: bytes, parts: bytes, width: int, classes: int
) -> dict[str, Any]:
    """Return c, coefficients (C, width) and intercepts (C,); arrays come as bytes, which can be looked up.

    Remembered, since every pair that a model is part of asks for the regression on that model alone.
    """
    rows, labels = np.frombuffer(values).reshape(-1, width), np.frombuffer(numbers, np.int64)
    c = choose_c(candidates, rows, labels, np.frombuffer(parts, np.int64))
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
    from sklearn.linear_model import LogisticRegression  # slow to import, and what checks settings needs none

    # of scikit-learn's solvers the fastest on some thirty clips, of which fusion asks for thousands
    return LogisticRegression(C=c, solver="newton-cg", tol=1e-6, max_iter=1000).fit(rows, labels)


def choose_c(candidates: tuple[float, ...], rows: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> float:
    """Return the candidate with the lowest log loss on held-out validation clips, the smaller of equals.

    `parts` (N,): the number of the part in which each clip is held out, by speaker where there are two of them. A class
    within a single part takes no part: held out, it could not be learned. Where fewer than two classes are left,
    nothing speaks for any candidate and the smallest, the strongest penalty, is taken.
    """
    ordered = sorted(candidates)
    kept = np.isin(labels, [name for name in np.unique(labels) if len(set(parts[labels == name])) > 1])
    rows, labels, parts = rows[kept], labels[kept], parts[kept]
    if len(ordered) == 1 or len(set(labels)) < 2:
        return ordered[0]
    losses = np.zeros(len(ordered))
    for held in (parts == part for part in np.unique(parts)):
        names = np.unique(labels[~held])
        judged = held & np.isin(labels, names)
        for number, c in enumerate(ordered) if len(names) > 1 else ():
            said = _regression(c, rows[~held], labels[~held]).predict_log_proba(rows[judged])
            losses[number] -= said[np.arange(judged.sum()), np.searchsorted(names, labels[judged])].sum()
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
