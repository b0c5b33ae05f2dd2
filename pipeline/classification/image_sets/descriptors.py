"""Descriptors of a set of frames: linear subspace, covariance, Gaussian.

None depends on the order of the frames. All take frames (T, D), T >= 1, and compute in float64.
"""

from __future__ import annotations

import numpy as np


def subspace(frames: np.ndarray, rank: int, centred: bool) -> np.ndarray:
    """Return an orthonormal basis of the subspace that holds most of the frames: a point of the Grassmann manifold.

    The leading left singular vectors of the D x T matrix of frames. Frames that span fewer than `rank` directions
    (always where T < `rank`) give fewer columns; a single frame gives one, or none where it is centred.

    Args:
        frames: (T, D)
        rank: columns at most
        centred: take the mean of the frames off first, so that the subspace tells how they vary and not where they lie

    Returns:
        (D, r) float64, r <= min(rank, T, D)
    """
    columns = frames.T.astype(np.float64)
    if centred:
        columns = columns - columns.mean(axis=1, keepdims=True)
    vectors, values, _ = np.linalg.svd(columns, full_matrices=False)
    # centring leaves rounding errors of the size of the frames, which are no direction
    rounding = max(columns.shape) * np.finfo(np.float64).eps * max(values[0], float(np.abs(frames).max()))
    return vectors[:, :rank][:, values[:rank] > rounding]


def covariance(frames: np.ndarray, share: float, least: float) -> np.ndarray:
    """Return the regularised covariance C + share * max(trace(C), least) * I: a symmetric positive definite matrix.

    Fewer frames than columns leave C singular; the regularisation makes its logarithm finite. C of a single frame is
    zero.

    Args:
        frames: (T, D)
        share: of the trace, added to every variance; above 0
        least: trace that is assumed at least, so that a single frame or a still face has a covariance too; above 0

    Returns:
        (D, D) float64
    """
    deviations = frames.astype(np.float64) - frames.mean(axis=0, dtype=np.float64)
    matrix = deviations.T @ deviations / max(len(frames) - 1, 1)
    return matrix + share * max(float(np.trace(matrix)), least) * np.eye(len(matrix))


def gaussian(frames: np.ndarray, share: float, least: float) -> np.ndarray:
    """Return the Gaussian of the frames as a symmetric positive definite matrix of determinant 1.

    N(mu, S) becomes |S|^(-1/(D+1)) [[S + mu mu', mu], [mu', 1]] (Lovric, Min-Oo, Ruh 2000, "Multivariate normal
    distributions parametrized as a Riemannian symmetric space"). S is the regularised covariance.

    Args:
        frames: (T, D)
        share: see `covariance`
        least: see `covariance`

    Returns:
        (D + 1, D + 1) float64
    """
    spread = covariance(frames, share, least)
    mean = np.append(frames.mean(axis=0, dtype=np.float64), 1.0)
    matrix = np.outer(mean, mean)
    matrix[:-1, :-1] += spread
    return matrix * np.exp(-np.linalg.slogdet(spread)[1] / len(matrix))
