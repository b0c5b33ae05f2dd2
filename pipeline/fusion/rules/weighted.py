"""weighted: sum of posteriors with one weight per model and class, Ouyang et al. 2017, eq. (1) and section 6.4.

The weights are those that give most validation clips their label, found by branch and bound instead of trying all
combinations; ties go to larger weights, see `pipeline/fusion/weights/branch_and_bound.py`. The sums are divided by
their total, which changes no decision. A model that could not judge a clip adds nothing to it. Where all sums are zero,
since the models that judged weigh nothing, the posteriors are equal and the first class wins, as in the search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.fusion.weights.branch_and_bound import search
from pipeline.fusion.weights.weighted_sum import weighted_sum


class Params(Settings):
    """What to search, and for how long."""

    candidates: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(
        (0.0, 0.5, 1.0),
        min_length=1,
        description="weights to choose from, one for every model and emotion {Ouyang 6.4: [0, 0.5, 1]}",
    )
    node_limit: int = Field(
        1_000_000, ge=1, description="partial choices of weights to examine; what is then not proven is the gap"
    )


def fit(
    params: Params,
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: Sequence[str] = (),  # noqa: ARG001
) -> dict[str, Any]:
    """Return the best weights on validation clips, and how far that is proven.

    {"weights": (M, C), "clips": N, "right": clips that get their label, "bound": what any weights could reach, "gap":
    bound - right, "exact": whether the search came to its end, "nodes": examined}. A SettingsError says that there are
    too many candidates for that many models.
    """
    found = search(scores, labels, params.candidates, params.node_limit)
    figures = {name: getattr(found, name) for name in ("right", "bound", "gap", "exact", "nodes")}
    return {"weights": found.weights.tolist(), "clips": len(labels), **figures}


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:
    """Return the weighted sums as shares of their total, (N, C), for scores (M, N, C)."""
    sums = weighted_sum(scores, np.array(state["weights"], np.float64))
    total = sums.sum(axis=1, keepdims=True)
    return np.divide(sums, total, out=np.full_like(sums, 1 / sums.shape[1]), where=total != 0)
