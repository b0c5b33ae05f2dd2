"""Partial least squares on a kernel matrix: Rosipal and Trejo 2001, "Kernel partial least squares regression in
reproducing kernel Hilbert space".

Targets are one column per class, 1 for its clips. The result is what linear PLS (PLS2) gives on the points in feature
space.
"""

from __future__ import annotations

import numpy as np


class KernelPls:
    """PLS regression of class indicators, used as a classifier as Liu et al. 2014 do.

    Attributes:
        classes: class indices that training has, sorted
        weights: (N, K) of the centred kernel with the N training clips
        offset: (K,) share of each class among them
        means: (N,) mean of each column of the training kernel
    """

    LEARNED = ("weights", "offset", "means", "classes")

    def __init__(self, latent: int) -> None:
        """Use `latent` latent directions, or as many as the kernel matrix has."""
        self.latent = latent

    @classmethod
    def learned(cls, weights: np.ndarray, offset: np.ndarray, means: np.ndarray, classes: np.ndarray) -> KernelPls:
        """Return what has been learned before, by its attributes."""
        found = cls(len(offset))
        found.weights, found.offset, found.means, found.classes = weights, offset, means, classes
        return found

    def fit(self, gram: np.ndarray, labels: np.ndarray) -> KernelPls:
        """Learn from the training kernel (N, N) and class indices (N,)."""
        self.classes = np.unique(labels)
        targets = (labels[:, None] == self.classes).astype(np.float64)
        self.offset, self.means = targets.mean(axis=0), gram.mean(axis=0)
        centred, targets = self._centred(gram), targets - self.offset
        scores, duals = self._directions(centred, targets)
        self.weights = duals @ np.linalg.solve(scores.T @ centred @ duals, scores.T @ targets)
        return self

    def _centred(self, rows: np.ndarray) -> np.ndarray:
        """Return the kernel with the mean of the training clips taken off in feature space."""
        return rows - rows.mean(axis=1, keepdims=True) - self.means + self.means.mean()

    def _directions(self, kernel: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return orthonormal scores t and duals u (t is K u of the deflated K), both (N, directions)."""
        scores, duals = np.zeros((len(kernel), 0)), np.zeros((len(kernel), 0))
        least = 1e-10 * max(float(np.abs(kernel).max()), np.finfo(np.float64).tiny)
        for _ in range(self.latent):
            # the direction of the targets that covaries most with the kernel's
            _, vectors = np.linalg.eigh(targets.T @ kernel @ targets)
            dual = targets @ vectors[:, -1]
            score = kernel @ dual
            length = float(np.linalg.norm(score))
            if length <= least:  # nothing is left to explain, or to explain it with
                break
            score = score / length
            scores, duals = np.column_stack([scores, score]), np.column_stack([duals, dual])
            # from the left alone: later duals are targets without a part along the score left, so the right is the same
            kernel = kernel - np.outer(score, score @ kernel)
            targets = targets - np.outer(score, score @ targets)
        return scores, duals

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """Return the regression's values, (M, K), for kernel rows (M, N) against the training clips."""
        return np.stack([row @ self.weights for row in self._centred(rows)]) + self.offset

    def margins(self, rows: np.ndarray) -> np.ndarray:
        """Return how far the values of each pair of classes lie apart, (M, K (K - 1) / 2), as those of an SVM."""
        values = self.decision_function(rows) if len(rows) else np.zeros((0, len(self.classes)))
        one, other = np.triu_indices(len(self.classes), 1)
        return values[:, one] - values[:, other]
