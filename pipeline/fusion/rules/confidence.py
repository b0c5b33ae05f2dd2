"""confidence: the ensemble method, Huang et al. 2017, eq. (3), which has no parameter and learns nothing.

The model whose two highest posteriors lie further apart decides; the first (for a pair the visual one) where they are
equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.fusion.rules import NothingToSet, margins, nothing_learned

Params, fit = NothingToSet, nothing_learned


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the posteriors of the most confident model, (N, C), for scores (M, N, C).

    >>> video, audio = [[0.5, 0.3, 0.2]], [[0.1, 0.8, 0.1]]
    >>> fuse(np.array([video, audio]), {}).tolist()
    [[0.1, 0.8, 0.1]]
    """
    # argmax takes the first of equals: the visual modality, as the >= of eq. (3) demands
    return scores[margins(scores).argmax(axis=0), np.arange(scores.shape[1])]
