"""Logistic regression on a kernel matrix, one of the three classifiers that Liu et al. 2014 compare.

The L2-regularised multinomial model in the kernel's feature space (kernel logistic regression; Zhu and Hastie 2005,
"Kernel logistic regression and the import vector machine"). Its minimum lies in the span of the training clips, so it
is found there: on N coordinates whose inner products are the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax


@dataclass(frozen=True)
class Coordinates:
    """Training clips as points whose inner products are their kernel, found once for all candidates.

    Attributes:
        points: (N, R); R is the rank of the kernel, 1 at least
        back: (N, R); a kernel row (N,) times this gives the clip's point
    """

    points: np.ndarray
    back: np.ndarray

    @classmethod
    def of(cls, gram: np.ndarray) -> Coordinates:
        """Decompose the training kernel (N, N): N^3 operations."""
        values, vectors = np.linalg.eigh(gram)
        kept = values > 1e-10 * max(float(values[-1]), np.finfo(np.float64).tiny)
        if not kept.any():  # a kernel of zeros tells nothing: one coordinate that is 0 for every clip
            return cls(np.zeros((len(gram), 1)), np.zeros((len(gram), 1)))
        roots = np.sqrt(values[kept])
        return cls(vectors[:, kept] * roots, vectors[:, kept] / roots)


class KernelLogistic:
    """Multinomial logistic regression on kernel rows.

    Attributes:
        classes: class indices that training has, sorted
        weights: (N, K), of the kernel with the N training clips
        offset: (K,)
    """

    LEARNED = ("weights", "offset", "classes")

    def __init__(self, c: float, balanced: bool, coordinates: Coordinates) -> None:
        """Take the inverse of the regularisation, whether rare classes weigh more, and the training clips."""
        self.c, self.balanced, self.coordinates = c, balanced, coordinates

    @classmethod
    def learned(cls, weights: np.ndarray, offset: np.ndarray, classes: np.ndarray) -> KernelLogistic:
        """Return what has been learned before, by its attributes."""
        found = cls.__new__(cls)
        found.weights, found.offset, found.classes = weights, offset, classes
        return found

    def fit(self, gram: np.ndarray, labels: np.ndarray) -> KernelLogistic:  # noqa: ARG002 - the coordinates have it
        """Learn the class indices (N,) of the training clips, whose kernel `coordinates` were made of."""
        # a second and a half to import, and a trained one does without
        from sklearn.linear_model import LogisticRegression

        weight = "balanced" if self.balanced else None
        model = LogisticRegression(C=self.c, class_weight=weight, max_iter=10_000, tol=1e-6)
        model.fit(self.coordinates.points, labels)
        coefficients, offset = model.coef_, model.intercept_
        if len(coefficients) == 1:  # of two classes scikit-learn keeps the second's alone
            coefficients, offset = (np.concatenate([-each / 2, each / 2]) for each in (coefficients, offset))
        self.weights, self.offset = self.coordinates.back @ coefficients.T, offset
        self.classes = model.classes_
        return self

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        """Return the logits, (M, K), for kernel rows (M, N) against the training clips."""
        return np.array([row @ self.weights for row in rows]).reshape(-1, len(self.classes)) + self.offset

    def margins(self, rows: np.ndarray) -> np.ndarray:
        """Return how far the logits of each pair of classes lie apart, (M, K (K - 1) / 2), as those of an SVM."""
        logits = self.decision_function(rows)
        one, other = np.triu_indices(len(self.classes), 1)
        return logits[:, one] - logits[:, other]

    def posteriors(self, rows: np.ndarray) -> np.ndarray:
        """Return the model's posteriors, (M, K), for kernel rows (M, N) against the training clips."""
        return np.asarray(softmax(self.decision_function(rows), axis=1))
