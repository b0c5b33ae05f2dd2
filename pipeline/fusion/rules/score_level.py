"""score_level: equally weighted sum of class scores, Zhang et al. 2017, eq. (6): 0.5 audio + 0.5 visual.

The scores are the classifier's own, here the decision values of the SVM before they become posteriors: on posteriors
eq. (6) would be the rule `average`. The sum is turned into rows that sum to 1 by a softmax, which changes no decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from pipeline.fusion.rules import NothingToSet, each_clip, nothing_learned

INPUT = "scores"
Params, fit = NothingToSet, nothing_learned


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the softmax of the mean scores of the models that judged a clip, (N, C), for scores (M, N, C)."""

    def of_clip(judged: np.ndarray) -> np.ndarray:
        mean = judged.mean(axis=0)
        # each model may lack another class (-inf); where that leaves none, the first model decides
        return softmax(mean if np.isfinite(mean).any() else judged[0])

    return each_clip(scores, of_clip)
