"""score_level: equally weighted sum of class scores, Zhang et al. 2017, eq. (6): 0.5 audio + 0.5 visual.

The scores are the classifier's own, here the decision values of the SVM before they become posteriors: on posteriors
eq. (6) would be the rule `average`. The sum is turned into rows that sum to 1 by a softmax, which changes no decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from pipeline.core.settings import Settings

INPUT = "scores"


class Params(Settings):
    """Nothing to set: eq. (6) weighs all models alike."""


def fit(params: Params, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:  # noqa: ARG001
    """Return an empty state: eq. (6) learns nothing."""
    return {}


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the softmax of the mean scores of the models that judged a clip, (N, C), for scores (M, N, C)."""
    result = np.full(scores.shape[1:], np.nan)
    for clip in range(scores.shape[1]):
        judged = scores[~np.isnan(scores[:, clip]).any(axis=1), clip]
        if len(judged):
            mean = judged.mean(axis=0)
            # each model may lack another class (-inf); where that leaves none, the first model decides
            result[clip] = softmax(mean if np.isfinite(mean).any() else judged[0])
    return result
