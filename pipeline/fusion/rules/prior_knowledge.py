"""prior_knowledge: the ensemble method with prior knowledge from micro-F1, Huang et al. 2017, eq. (4) and (5).

As eq. (3), but a model with a higher micro-F1 on validation gets the difference as a bonus on its margin. For two
models this is eq. (5): the better one decides where its margin + |d| reaches the other's. For more than two, a reading
of ours since the paper has none: each gets what it is ahead of the worst.

Which one is better is decided in each fold, by its validation clips: those of the other folds are the test clips of
this one, or have trained on them. The report says d with its sign, so that folds which disagree cancel in its mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.evaluation.metrics import confusion, micro_f1
from pipeline.fusion.rules import DECIMALS, NothingToSet, margins

Params = NothingToSet


def fit(
    params: NothingToSet,  # noqa: ARG001
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: Sequence[str] = (),  # noqa: ARG001
) -> dict[str, Any]:
    """Return the micro-F1 of each model on the validation clips that all of them judged, so that they compare.

    {"micro_f1": (M,), "d": that of the first model minus the best of the others, "bonus": (M,) micro-F1 minus the
    smallest}; without a clip that all judged, micro_f1 are None and there is no bonus: eq. (3) is left.
    """
    judged = ~np.isnan(scores).any(axis=(0, 2))
    if not judged.any():
        return {"micro_f1": [None] * len(scores), "d": 0.0, "bonus": [0.0] * len(scores)}
    classes = range(scores.shape[2])
    truth = labels[judged].tolist()
    found = [micro_f1(confusion(truth, model[judged].argmax(axis=1).tolist(), classes)) for model in scores]
    bonus = [round(f1 - min(found), DECIMALS) for f1 in found]
    d = round(found[0] - max(found[1:]), DECIMALS)
    return {"micro_f1": [round(f1, DECIMALS) for f1 in found], "d": d, "bonus": bonus}


def fuse(scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:
    """Return the posteriors of the model with the largest margin + bonus, (N, C), for scores (M, N, C).

    >>> video, audio = [[0.5, 0.3, 0.2]], [[0.1, 0.5, 0.4]]
    >>> fuse(np.array([video, audio]), {"micro_f1": [0.4, 0.6], "d": -0.2, "bonus": [0.0, 0.2]}).tolist()
    [[0.1, 0.5, 0.4]]
    """
    bonus = np.array(state["bonus"], np.float64)
    # eq. (5): the better model wins where both sides are equal; the first where neither is better
    order = np.argsort(-bonus, kind="stable")
    sides = np.round(margins(scores) + bonus[:, None], DECIMALS)[order]
    return scores[order[sides.argmax(axis=0)], np.arange(scores.shape[1])]
