"""Kernels between sets of frames.

Both geometries have a row for every point whose plain inner product is the kernel:

    projection      subspaces: <row, row'> = ||Y' Y'||_F^2 of two bases, |row - row'|^2 = twice the squared projection
        metric
    log-Euclidean   positive definite matrices: <row, row'> = tr(log C log C'), |row - row'| = the log-Euclidean
    distance

so every kernel here is positive semi-definite, exp(-gamma |row - row'|^2) included, for each gamma.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def projector_row(basis: np.ndarray) -> np.ndarray:
    """Return the projector Y Y' on a subspace as a row; the same for every orthonormal basis of it.

    Args:
        basis: (D, r) orthonormal columns; without a column the row is zero

    Returns:
        (D (D + 1) / 2,) float64
    """
    return _triangle(basis @ basis.T)


def log_row(matrix: np.ndarray) -> np.ndarray:
    """Return the matrix logarithm as a row.

    Args:
        matrix: (D, D), symmetric positive definite; eigenvalues below the largest one's rounding error are set to that

    Returns:
        (D (D + 1) / 2,) float64
    """
    values, vectors = np.linalg.eigh(matrix)
    logs = np.log(np.maximum(values, values[-1] * np.finfo(np.float64).eps))
    return _triangle((vectors * logs) @ vectors.T)


def _triangle(matrix: np.ndarray) -> np.ndarray:
    """Return the upper triangle; what stands beside the diagonal counts twice in an inner product."""
    upper = np.triu_indices(len(matrix))
    return matrix[upper] * np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))


def inner(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the inner products of rows (M, L) and others (N, L), (M, N); row by row, so that none depends on its
    neighbours.
    """
    return np.stack([others @ row for row in rows])


def squared_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return |row - other|^2 of rows (M, L) and others (N, L), (M, N)."""
    return np.stack([np.square(others - row).sum(axis=1) for row in rows])


@dataclass(frozen=True)
class SetKernel:
    """Kernel between any sets and the training sets, in units of how far the training sets lie apart.

    With m the mean squared distance between two training sets, k = 2 <row, row'> / m, so that candidates for C mean the
    same for every descriptor, or k = exp(-gamma |row - row'|^2 / m). Training sets that are all equal have m = 1.

    Attributes:
        rows: of the training sets, (N, L)
        spread: m
        gamma: of the radial kernel; None gives the linear one
    """

    rows: np.ndarray
    spread: float
    gamma: float | None

    @classmethod
    def of(cls, rows: np.ndarray, gamma: float | None) -> SetKernel:
        """Measure the spread of the training rows (N, L); N >= 2."""
        total = float(squared_distances(rows, rows).sum()) / (len(rows) * (len(rows) - 1))
        return cls(rows, total if total > np.finfo(np.float64).eps else 1.0, gamma)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """Return the kernel of rows (M, L) and the training rows, (M, N)."""
        if self.gamma is None:
            return inner(rows, self.rows) * (2 / self.spread)
        return np.exp(squared_distances(rows, self.rows) * (-self.gamma / self.spread))
