"""vote: majority vote.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998. Two
models that disagree tie: the first, the visual one of a pair, decides then.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.fusion.rules._rules import NothingToSet, combined, nothing_learned

Params = NothingToSet
fit = nothing_learned


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the share of votes that each class gets, (N, C), for scores (M, N, C)."""
    return combined(scores, votes)


def votes(judged: np.ndarray) -> np.ndarray:
    """Return how many models decide for each class, (C,), for posteriors (M, C).

    >>> votes(np.array([[0.6, 0.4, 0.0], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]])).tolist()
    [1, 2, 0]
    """
    return np.bincount(judged.argmax(axis=1), minlength=judged.shape[1])
