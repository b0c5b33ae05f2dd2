"""Frames in fewer columns: principal components of the training clips' frames.

A descriptor of D columns is a D x D matrix, and its logarithm costs D^3: 4096 columns (VGG-16 fc6) come down to some 64
first. The D x D matrix of second moments is never made: it is applied to a block of 2k directions, one clip at a time
(subspace iteration; Halko, Martinsson, Tropp 2011, "Finding structure with randomness", section 4.5), so memory is a
few blocks (D, 2k) whatever the number of clips. Where 2k >= D the first pass is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.protocols.leakage import check_fit
from pipeline.training.datasets import Dataset, Scaler, mean_over_frames

PASSES = 30
"""Passes over the frames at most."""
ENOUGH = 1e-4
"""Passes end when the variance that the components hold grows by less than this share."""


@dataclass(frozen=True)
class FrameReducer:
    """Columns scaled, then projected on the principal components that training frames have.

    The basis (D, k) has the largest component first, all divided by one number: training frames vary by 1 per component
    on average.
    """

    scaler: Scaler
    basis: np.ndarray

    @classmethod
    def of(cls, data: Dataset, components: int, about_zero: bool) -> FrameReducer:
        """Learn from the frames of training clips (else a LeakageError says so); every frame weighs the same.

        Args:
            components: k at most; directions in which training frames do not vary are left out
            about_zero: keep the zero of the feature (a linear subspace goes through it) and not the mean of the
                training frames; columns then have a mean square, and not a variance, of 1
        """
        check_fit(data.part, "a reduction of frames")
        mean = mean_over_frames(data, lambda frames: frames.sum(axis=0, dtype=np.float64))
        origin = np.zeros_like(mean) if about_zero else mean
        size = np.sqrt(mean_over_frames(data, lambda frames: np.square(frames - origin).sum(axis=0)))
        scaler = Scaler.by(origin, size)

        def applied(block: np.ndarray) -> np.ndarray:
            """Return the matrix of second moments times the block (D, b), without making that matrix."""

            def of_clip(frames: np.ndarray) -> np.ndarray:
                scaled = scaler(frames).astype(np.float64)
                return scaled.T @ (scaled @ block)

            return mean_over_frames(data, of_clip)

        return cls(scaler, _components(applied, len(mean), components))

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return frames (T, D) in k columns, (T, k) float64."""
        return self.scaler(frames).astype(np.float64) @ self.basis


def _components(applied: Callable[[np.ndarray], np.ndarray], columns: int, most: int) -> np.ndarray:
    """Return the leading eigenvectors (D, k), in one unit, of a (D, D) matrix known by its products with blocks."""
    start = np.random.default_rng(0).standard_normal((columns, min(2 * most, columns)))
    held = -1.0
    for _ in range(PASSES):
        block = np.linalg.qr(start)[0]
        start = applied(block)
        values, turn = np.linalg.eigh(block.T @ start)
        before, held = held, float(values[-most:].sum())
        if start.shape[1] == columns or held - before <= ENOUGH * held:
            break
    values, vectors = values[-most:][::-1], (block @ turn[:, -most:])[:, ::-1]
    kept = values > 1e-10 * values[0]  # what is below is the rounding of the scaled columns
    kept[0] = True  # training frames that are all equal leave one column
    unit = np.sqrt(values[kept].mean()) if values[0] > 0 else 1.0
    return vectors[:, kept] / unit
