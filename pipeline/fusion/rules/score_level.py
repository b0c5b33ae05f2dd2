"""score_level: equally weighted sum of class scores, Zhang et al. 2017, eq. (6): 0.5 audio + 0.5 visual.

The scores are the classifier's own, here the decision values of the SVM: the mean margin of a class over its pairs. On
posteriors eq. (6) would be the rule `average`, and the paper's two rows differ (Tables V and VI). The sum is turned
into rows that sum to 1 by a softmax, which changes no decision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from pipeline.fusion.rules import DECIMALS, NothingToSet, decided, each_clip, nothing_learned

INPUT = "scores"
Params, fit = NothingToSet, nothing_learned


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the softmax of the mean scores of the models that judged a clip, (N, C), for scores (M, N, C)."""

    def of_clip(judged: np.ndarray) -> np.ndarray:
        mean = judged.mean(axis=0)
        # each model may lack another class (-inf); where that leaves none, the first model decides
        return decided(softmax(np.round(mean, DECIMALS) if np.isfinite(mean).any() else judged[0]), judged)

    return each_clip(scores, of_clip)
