"""Sets of frames as points of Riemannian manifolds (linear subspace, covariance, Gaussian), and kernels between them.

No point depends on the order of the frames (T, D), T >= 1; all is computed in float64. Both geometries have a row for
every point whose plain inner product is the kernel:

    projection      subspaces: <row, row'> = ||Y' Y'||_F^2 of two bases, |row - row'|^2 = twice the squared
                    projection metric
    log-Euclidean   positive definite matrices: <row, row'> = tr(log C log C'), |row - row'| = the log-Euclidean
                    distance

so every kernel here is positive semi-definite: the inner product, its powers (Schur), and exp(-gamma |row - row'|^2)
for each gamma.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np


def subspace(frames: np.ndarray, rank: int, centred: bool) -> np.ndarray:
    """Return an orthonormal basis of the subspace that holds most of the frames: a point of the Grassmann manifold.

    The leading left singular vectors of the D x T matrix of frames. Frames that span fewer than `rank` directions
    (always where T < `rank`) give fewer columns; a single frame gives one, or none where it is centred. Centred, the
    mean of the frames is taken off first, so that the subspace tells how they vary and not where they lie. The basis is
    (D, r), r <= min(rank, T, D).
    """
    columns = frames.T.astype(np.float64)
    if centred:
        columns = columns - columns.mean(axis=1, keepdims=True)
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    # centring leaves rounding errors of the size of the frames, which are no direction
    rounding = max(columns.shape) * np.finfo(np.float64).eps * max(values[0], float(np.abs(frames).max()))
    return vectors[:, :rank][:, values[:rank] > rounding]


def covariance(frames: np.ndarray, share: float, least: float) -> np.ndarray:
    """Return the regularised covariance C + share * max(trace(C), least) * I: symmetric, positive definite, (D, D).

    Fewer frames than columns leave C singular; the regularisation makes its logarithm finite. C of a single frame is
    zero. The share of the trace is above 0, and so is the least trace that is assumed, so that a single frame or a
    still face has a covariance too.
    """
    deviations = frames.astype(np.float64) - frames.mean(axis=0, dtype=np.float64)
    matrix = deviations.T @ deviations / max(len(frames) - 1, 1)
    return matrix + share * max(float(np.trace(matrix)), least) * np.eye(len(matrix))


def gaussian(frames: np.ndarray, share: float, least: float) -> np.ndarray:
    """Return the Gaussian of the frames as a symmetric positive definite matrix of determinant 1, (D + 1, D + 1).

    N(mu, S) becomes |S|^(-1/(D+1)) [[S + mu mu', mu], [mu', 1]] (Lovric, Min-Oo, Ruh 2000, "Multivariate normal
    distributions parametrized as a Riemannian symmetric space"). S is the regularised covariance.
    """
    spread = covariance(frames, share, least)
    mean = np.append(frames.mean(axis=0, dtype=np.float64), 1.0)
    matrix = np.outer(mean, mean)
    matrix[:-1, :-1] += spread
    return matrix * np.exp(-np.linalg.slogdet(spread)[1] / len(matrix))


def projector_row(basis: np.ndarray) -> np.ndarray:
    """Return the projector Y Y' on a subspace as a row, (D (D + 1) / 2,).

    The same for every orthonormal basis (D, r) of it; without a column the row is zero.
    """
    return _triangle(basis @ basis.T)


def log_row(matrix: np.ndarray) -> np.ndarray:
    """Return the logarithm of a symmetric positive definite matrix (D, D) as a row, (D (D + 1) / 2,).

    Eigenvalues below the largest one's rounding error are set to that.
    """
    values, vectors = np.linalg.eigh(matrix)
    logs = np.log(np.maximum(values, values[-1] * np.finfo(np.float64).eps))
    return _triangle((vectors * logs) @ vectors.T)


def _triangle(matrix: np.ndarray) -> np.ndarray:
    """Return the upper triangle; what stands beside the diagonal counts twice in an inner product."""
    upper = np.triu_indices(len(matrix))
    return matrix[upper] * np.where(upper[0] == upper[1], 1.0, np.sqrt(2.0))


def products(rows: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Return the inner products of rows (M, L) with the training rows (N, L), and in the last column of each with
    itself, (M, N + 1) float64: all that any kernel needs, so that the rows are gone through once for all of them.

    Row by row, so that none depends on its neighbours.
    """
    found = np.empty((len(rows), len(training) + 1))
    for number, row in enumerate(rows):
        found[number, :-1], found[number, -1] = training @ row, row @ row
    return found


@dataclass(frozen=True)
class SetKernel:
    """Kernel between any sets and the training sets, from their inner products, in units of the training sets.

        linear      k = u <row, row'>, the metric's own
        polynomial  k = u (<row, row'> / n) ^ degree
        rbf         k = exp(-gamma |row - row'|^2 / m)

    With n the mean of <row, row> over training sets, m the mean squared distance between two of them, and u such that
    the same mean is 2 in the feature space of a linear or polynomial kernel: candidates for C then mean the same for
    every descriptor, kernel and degree. Training sets that are all equal have m = 1, those that are zero n = 1.
    """

    kind: str
    degree: int
    gamma: float
    norms: np.ndarray
    size: float
    unit: float

    @classmethod
    def of(cls, gram: np.ndarray, kind: str, degree: int, gamma: float) -> SetKernel:
        """Measure the `products` of the training sets (N, N + 1), N >= 2; kind is linear, polynomial or rbf."""
        norms = gram[:, -1].copy()
        size = float(norms.mean()) or 1.0
        plain = cls(kind, degree, gamma, norms, size, 1.0)
        space = gram[:, :-1] if kind == "rbf" else plain(gram)
        own = np.diag(space)
        total, pairs = float(len(own) * own.sum() - space.sum()), len(own) * (len(own) - 1) / 2
        spread = total / pairs
        equal = spread <= 1e-9 * max(float(own.max()), np.finfo(np.float64).tiny)  # what is left is rounding
        return replace(plain, unit=1.0 if equal else (1 / spread if kind == "rbf" else 2 / spread))

    def __call__(self, found: np.ndarray) -> np.ndarray:
        """Return the kernel of sets with the N training sets, (M, N), for their `products` (M, N + 1)."""
        if self.kind == "rbf":
            distances = np.maximum(found[:, -1:] + self.norms - 2 * found[:, :-1], 0.0)
            return np.asarray(np.exp(distances * (-self.gamma * self.unit)))
        # by products, as `**` takes other routines on other processors
        times = 1 if self.kind == "linear" else self.degree
        return np.asarray(reduce(np.multiply, [found[:, :-1] / self.size] * times) * self.unit)
