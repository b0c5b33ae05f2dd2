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

import numpy as np

DECIMALS = 9
"""Posteriors come from tables with six decimals: what differs by less is equal, whatever binary fractions say."""


def margins(scores: np.ndarray) -> np.ndarray:
    """Return how far the two highest posteriors lie apart, Huang et al. 2017, eq. (3).

    Args:
        scores: (M, N, C), C >= 2, NaN where a model could not judge

    Returns:
        (M, N) to nine decimals, so that 0.65 - 0.35 ties with 0.7 - 0.4; -inf where there are no posteriors

    >>> scores = np.array([[[0.7, 0.2, 0.1]], [[0.4, 0.35, 0.25]], [[np.nan] * 3]])
    >>> margins(scores).tolist()
    [[0.5], [0.05], [-inf]]
    """
    top = np.sort(scores, axis=2)[..., -2:]
    return np.where(np.isnan(scores).any(axis=2), -np.inf, np.round(top[..., 1] - top[..., 0], DECIMALS))


def deal(labels: np.ndarray, most: int = 5) -> np.ndarray:
    """Return the number of the fold that each clip is held out in, (N,): stratified, and the same on every run.

    Clips ordered by label are dealt round-robin into `most` folds, fewer if there are fewer clips. A label of two or
    more clips is therefore always left on the other side as well.

    Args:
        labels: (N,) of validation clips
        most: folds

    >>> deal(np.array([0, 0, 1, 1, 1]), most=2).tolist()
    [0, 1, 0, 1, 0]
    """
    folds = np.empty(len(labels), np.int64)
    folds[np.argsort(labels, kind="stable")] = np.arange(len(labels)) % max(1, min(most, len(labels)))
    return folds
