"""confidence: the ensemble method, Huang et al. 2017, eq. (3).

The model whose two highest posteriors lie further apart decides; the first (for a pair the visual one) where they are
equal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.settings import Settings
from pipeline.fusion.rules import margins


class Params(Settings):
    """Nothing to set: eq. (3) has no parameter."""


def fit(params: Params, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:  # noqa: ARG001
    """Return an empty state: eq. (3) learns nothing."""
    return {}


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the posteriors of the most confident model, (N, C), for scores (M, N, C).

    >>> video, audio = [[0.5, 0.3, 0.2]], [[0.1, 0.8, 0.1]]
    >>> fuse(np.array([video, audio]), {}).tolist()
    [[0.1, 0.8, 0.1]]
    """
    # argmax takes the first of equals: the visual modality, as the >= of eq. (3) demands
    return scores[margins(scores).argmax(axis=0), np.arange(scores.shape[1])]
