"""One file per fusion rule. A plugin has

    Params      its settings
    fit         `fit(params, scores, labels) -> state`: scores (M, N, C) and labels (N,) of validation clips; the
                state is plain JSON, so that anyone can read what was learned
    fuse        `fuse(scores, state) -> (N, C)`: rows that sum to 1
    INPUT       optional, "scores": it fuses class scores of any range, -inf for a class that training lacked, instead
                of posteriors

M models, of one modality each or fusions themselves. The first wins ties: the visual one of a pair, the fused one where
a fusion is fused again. A model that could not judge a clip is a row of NaN; a clip that all of them lack stays NaN and
counts against the coverage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipeline.core.settings import Settings

DECIMALS = 9
"""Posteriors come from tables with six decimals: what differs by less is equal, whatever binary fractions say."""
_TIE = 1e-12
"""Weight of the first model's posteriors: less than any difference between two classes that do not tie."""
MOST_SPEAKER_GROUPS = 10
"""With more validation speakers, several share a held-out part: a corpus of 90 would take hours otherwise."""


class NothingToSet(Settings):
    """Those of a rule without a parameter."""


def nothing_learned(params: NothingToSet, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:  # noqa: ARG001
    """Return an empty state: the `fit` of a rule that learns nothing."""
    return {}


def fixed(rule: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray, dict[str, Any]], np.ndarray]:
    """Return the `fuse` of a fixed rule on posteriors, Kittler et al. 1998, "On combining classifiers".

    Zhang et al. 2017, section IV.C.2 and Table V, try six of them at decision level. None learns anything. Where
    classes tie, the first model's posteriors decide; so they do where a rule gives every class 0. `rule` takes the
    posteriors (M', C) of the models that judged a clip, and returns (C,), not negative, which is scaled to sum to 1.

    >>> video, audio = [[0.6, 0.2, 0.2]], [[0.2, 0.6, 0.2]]
    >>> fixed(lambda judged: judged.prod(axis=0))(np.array([video, audio]), {}).round(3).tolist()
    [[0.429, 0.429, 0.143]]
    """

    def of_clip(judged: np.ndarray) -> np.ndarray:
        support = rule(judged)
        total = support.sum()
        row = np.round(support / total, DECIMALS) if total > 0 else np.zeros(len(support))
        row = row + _TIE * judged[0]
        return row / row.sum()

    return lambda scores, state: each_clip(scores, of_clip)  # noqa: ARG005


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


def deal(labels: np.ndarray, most: int = 5) -> np.ndarray:
    """Return the number of the fold that each validation clip is held out in, (N,): stratified, the same on every run.

    Clips ordered by label are dealt round-robin into `most` folds, fewer if there are fewer clips. A label of two or
    more clips is therefore always left on the other side as well.

    >>> deal(np.array([0, 0, 1, 1, 1]), most=2).tolist()
    [0, 1, 0, 1, 0]
    """
    folds = np.empty(len(labels), np.int64)
    folds[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % max(1, min(most, len(labels)))
    return folds


def held_out_parts(speakers: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Return the number of the part in which each validation clip is held out, (N,).

    One part per speaker (ten at most) where there are three speakers or more, since fusion is then judged on people
    that it has not met, as in the test; otherwise up to five stratified parts: one speaker is too little to learn from.
    """
    names, number = np.unique(np.array(speakers, str), return_inverse=True)
    return number % MOST_SPEAKER_GROUPS if len(names) >= 3 else deal(labels)
