"""Weights of classifiers whose posteriors are averaged, chosen on validation clips."""

from __future__ import annotations

import numpy as np

from pipeline.training.datasets import judged

MOST = 50
"""Picks at most; a weight is then a multiple of a fiftieth."""


def equal(count: int) -> np.ndarray:
    """Return the weights of a plain mean, (count,)."""
    return np.full(count, 1 / count)


def validated(posteriors: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return weights (M,), which sum to 1, of classifiers with posteriors (M, N, C) on clips with labels (N,).

    Ensemble selection (Caruana et al. 2004, "Ensemble selection from libraries of models"): the classifier that lowers
    the mean negative log posterior most is picked, again and again, also one that was picked before, until none lowers
    it; weights go by how often each was picked. Ties go to the first. `known` are the classes that training has; clips
    of others count as in `judged`. Without clips the weights are equal.
    """
    picked, total, least = np.zeros(len(posteriors)), np.zeros(posteriors.shape[1:]), np.inf
    for size in range(1, MOST + 1):
        losses = [judged((total + one) / size, labels, known)[0] for one in posteriors] if len(labels) else [np.inf]
        best = int(np.argmin(losses))
        if not losses[best] < least:
            break
        picked[best], total, least = picked[best] + 1, total + posteriors[best], losses[best]
    return picked / picked.sum() if picked.any() else equal(len(posteriors))
