"""How well candidates do on validation clips: loss, accuracy, recall, and which of several is best."""

from __future__ import annotations

import numpy as np


def judged(posteriors: np.ndarray, labels: np.ndarray, known: np.ndarray) -> tuple[float, float]:
    """Return how well posteriors (N, C) tell validation clips with class indices (N,), to six decimals.

    (mean negative log posterior of the truth, accuracy). A class that is not among those which training has (`known`)
    cannot be learned: validation clips of it would only stop the training early, so the loss is over the others, where
    there are any.
    """
    chosen = posteriors[np.arange(len(labels)), labels]
    taught = np.isin(labels, known)
    fair = chosen[taught] if taught.any() else chosen
    loss, accuracy = -np.log(np.maximum(fair, 1e-12)).mean(), (posteriors.argmax(1) == labels).mean()
    return round(float(loss), 6), round(float(accuracy), 6)


def mean_recall(decided: np.ndarray, labels: np.ndarray) -> float:
    """Return the unweighted average recall of decisions (N,) over the classes that labels (N,) have, to six decimals.

    >>> mean_recall(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 1]))
    0.75
    """
    recalls = [(decided[labels == label] == label).mean() for label in np.unique(labels)]
    return round(float(np.mean(recalls)), 6)


def first_best(decided: np.ndarray, labels: np.ndarray, balanced: bool) -> int:
    """Return the first best of several candidates by what they decided, (K, N) class indices, where labels are (N,).

    Candidates trained with weighted classes (`balanced`) are compared by UAR, others by accuracy: by accuracy a machine
    that names the largest class alone would be taken where the few validation speakers show that class most.

    >>> first_best(np.array([[0, 0, 0, 0], [0, 0, 1, 1]]), np.array([0, 0, 0, 1]), balanced=True)
    1
    >>> first_best(np.array([[0, 0, 0, 0], [0, 0, 1, 1]]), np.array([0, 0, 0, 1]), balanced=False)
    0
    """
    of = np.array([mean_recall(each, labels) for each in decided]) if balanced else (decided == labels).mean(axis=1)
    return int(of.argmax())
