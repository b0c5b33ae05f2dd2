"""product: the class with the highest product of posteriors; the best rule of the paper.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.fusion.rules._rules import NothingToSet, combined, nothing_learned

Params = NothingToSet
fit = nothing_learned


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the product of the posteriors, scaled to sum to 1, (N, C), for scores (M, N, C).

    >>> video, audio = [[0.6, 0.2, 0.2]], [[0.2, 0.6, 0.2]]
    >>> fuse(np.array([video, audio]), {}).round(3).tolist()
    [[0.429, 0.429, 0.143]]
    """
    return combined(scores, lambda judged: judged.prod(axis=0))
