"""One file per fusion rule. A plugin has

    Params      its settings
    fit         `fit(params, scores, labels, speakers) -> state`: scores (M, N, C), labels (N,) and speakers (N,) of
                validation clips; the state is plain JSON, so that anyone can read what was learned
    fuse        `fuse(scores, state) -> (N, C)`: rows that sum to 1
    INPUT       optional, "scores": it fuses class scores of any range, -inf for a class that training lacked, instead
                of posteriors
    OUT_OF_FOLD optional, true: `fit` gets training clips as well where every model judges these without having met
                their speakers (`out_of_fold` of pipeline/classification/classifiers)

M models, of one modality each or fusions themselves. The first decides ties: the visual one of a pair, the fused one
where a fusion is fused again. A model that could not judge a clip is a row of NaN; a clip that all of them lack stays
NaN and counts against the coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.core.settings import Settings

DECIMALS = 9
"""Posteriors come from tables with six decimals: what differs by less is equal, whatever binary fractions say."""
LEAD = 2e-6
"""What the winner of a tie is given, so that it still leads in a table with six decimals."""


class NothingToSet(Settings):
    """Those of a rule without a parameter."""


def nothing_learned(
    params: NothingToSet,  # noqa: ARG001
    scores: np.ndarray,  # noqa: ARG001
    labels: np.ndarray,  # noqa: ARG001
    speakers: Sequence[str] = (),  # noqa: ARG001
) -> dict[str, Any]:
    """Return an empty state: the `fit` of a rule that learns nothing."""
    return {}


def decided(support: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Return the support of a clip's classes (C,), not negative, as a row that sums to 1 and in which one class leads.

    Of the classes with the highest support, equal to nine decimals, the one leads to which the first of the models
    (M', C) gives the highest posterior; where it too is undecided, the second, and so on. The winner of a tie gets
    `LEAD` on top, nothing else changes. Where no class has any support the row is the first model's.

    >>> decided(np.array([0, 1, 1]), np.array([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])).round(4).tolist()
    [0.0, 0.5, 0.5]
    >>> decided(np.array([0, 1, 1]), np.array([[0.5, 0.2, 0.3], [0.1, 0.6, 0.3]])).argmax()
    np.int64(2)
    """
    total = support.sum()
    row = np.round(support / total if total > 0 else judged[0], DECIMALS)
    if (row == row.max()).sum() > 1:
        row[max(range(len(row)), key=lambda c: (row[c], *judged[:, c]))] += LEAD
    return row / row.sum()


def fixed(rule: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, dict[str, Any]], np.ndarray]:
    """Return the `fuse` of a fixed rule on posteriors, Kittler et al. 1998, "On combining classifiers".

    Zhang et al. 2017, section IV.C.2 and Table V, try six of them at decision level. None learns anything. `rule`
    takes the posteriors (M', C) of the models that judged a clip, and returns (C,), not negative, for `decided`.

    >>> video, audio = [[0.6, 0.2, 0.2]], [[0.2, 0.6, 0.2]]
    >>> fixed(lambda judged: judged.prod(axis=0))(np.array([video, audio]), {}).round(3).tolist()
    [[0.429, 0.429, 0.143]]
    """

    return lambda scores, state: each_clip(scores, lambda judged: decided(rule(judged), judged))  # noqa: ARG005


def each_clip(scores: np.ndarray, of_clip: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return what `of_clip` makes of the rows (M', C) of the models that judged a clip, (N, C); NaN where none did."""
    result = np.full(scores.shape[1:], np.nan)
    for clip in range(scores.shape[1]):
        judged = scores[~np.isnan(scores[:, clip]).any(axis=1), clip]
        if len(judged):
            result[clip] = of_clip(judged)
    return result


def margins(scores: np.ndarray) -> np.ndarray:
    """Return how far the two highest of posteriors (M, N, C) lie apart, Huang et al. 2017, eq. (3).

    (M, N) to nine decimals, so that 0.65 - 0.35 ties with 0.7 - 0.4; -inf where a model could not judge.

    >>> scores = np.array([[[0.7, 0.2, 0.1]], [[0.4, 0.35, 0.25]], [[np.nan] * 3]])
    >>> margins(scores).tolist()
    [[0.5], [0.05], [-inf]]
    """
    top = np.sort(scores, axis=2)[..., -2:]
    return np.where(np.isnan(scores).any(axis=2), -np.inf, np.round(top[..., 1] - top[..., 0], DECIMALS))
