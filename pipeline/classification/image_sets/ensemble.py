"""Weights of classifiers whose posteriors are averaged, chosen on validation clips."""

from __future__ import annotations

import numpy as np

from pipeline.training.judging import judged

PICKS = 50
"""So that weights are no finer than a fiftieth."""


def equal(count: int) -> np.ndarray:
    """Return the weights of a plain mean, (count,)."""
    return np.full(count, 1 / count)


def validated(posteriors: np.ndarray, labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return weights (M,), which sum to 1, of classifiers with posteriors (M, N, C) on clips with labels (N,).

    Ensemble selection (Caruana et al. 2004, "Ensemble selection from libraries of models"): again and again the
    classifier is picked with which the mean negative log posterior of all picks is least, also one that was picked
    before; of `PICKS` such steps the best is kept, and weights go by how often each was picked until then. Ties go to
    the first. `known` are the classes that training has; clips of others count as in `judged`. Without clips the
    weights are equal.
    """
    if not len(labels):
        return equal(len(posteriors))
    picked, total, found = np.zeros(len(posteriors)), np.zeros(posteriors.shape[1:]), []
    for size in range(1, PICKS + 1):
        losses = [judged((total + one) / size, labels, known)[0] for one in posteriors]
        best = int(np.argmin(losses))
        picked[best], total = picked[best] + 1, total + posteriors[best]
        found.append((losses[best], size, picked / size))
    return min(found, key=lambda each: each[:2])[2]
