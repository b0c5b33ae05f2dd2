"""Fixed rules that combine the posteriors of several models, Kittler et al. 1998, "On combining classifiers".

Zhang et al. 2017, section IV.C.2 and Table V, try six of them at decision level. None learns anything. A model that
could not judge a clip is left out of it. Where classes tie, the first model's posteriors decide; so they do where a
rule gives every class 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pipeline.core.settings import Settings
from pipeline.fusion.rules import DECIMALS

_TIE = 1e-12
"""Weight of the first model's posteriors: less than any difference between two classes that do not tie."""


class NothingToSet(Settings):
    """A fixed rule has no parameter."""


def nothing_learned(params: NothingToSet, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:  # noqa: ARG001
    """Return an empty state: a fixed rule learns nothing."""
    return {}


def combined(scores: np.ndarray, rule: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what a rule makes of every clip, as rows that sum to 1.

    Args:
        scores: (M, N, C) posteriors, NaN where a model could not judge
        rule: (M', C) posteriors of the models that judged a clip -> (C,), not negative

    Returns:
        (N, C); NaN where no model judged
    """
    result = np.full(scores.shape[1:], np.nan)
    for clip in range(scores.shape[1]):
        judged = scores[~np.isnan(scores[:, clip]).any(axis=1), clip]
        if len(judged):
            result[clip] = _row(rule(judged), judged[0])
    return result


def _row(support: np.ndarray, first: np.ndarray) -> np.ndarray:
    total = support.sum()
    row = np.round(support / total, DECIMALS) if total > 0 else np.zeros(len(support))
    row = row + _TIE * first
    return row / row.sum()
