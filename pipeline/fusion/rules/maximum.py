"""maximum: the class with the highest posterior of any model.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.fusion.rules._rules import NothingToSet, combined, nothing_learned

Params = NothingToSet
fit = nothing_learned


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:  # noqa: ARG001
    """Return the highest posterior of each class, scaled to sum to 1, (N, C), for scores (M, N, C)."""
    return combined(scores, lambda judged: judged.max(axis=0))
