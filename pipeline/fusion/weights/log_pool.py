"""Weights of a log-linear pool: softmax of sums of weighted log posteriors, of the least log loss under two ridges.

A sum is linear in the weights, so that the loss is convex and Newton's method ends at its one minimum; where no weight
may be negative, those at 0 that the slope would push below stay there (Bertsekas 1982, "Projected Newton methods for
optimization problems with simple constraints").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

PRODUCT = float("inf")
"""Ridge of equal weights."""
_PULL = 0.1
"""Strength of the ridge that holds the mean weight at 1: without it the weights of separable clips would not end."""
_STEPS = 100


@dataclass(frozen=True)
class LogPool:
    """N clips to learn from: inputs (N, C, K), whose sums by K weights are the classes' log odds; labels (N,); which of
    the weights are 1 in the plain product, the others being 0, (K,); whether all have to be 0 or more.
    """

    inputs: np.ndarray
    labels: np.ndarray
    ones: np.ndarray
    nonnegative: bool

    def some(self, clips: np.ndarray) -> LogPool:
        """Return it with some of the clips, (N,) bool."""
        return LogPool(self.inputs[clips], self.labels[clips], self.ones, self.nonnegative)

    def losses(self, weights: np.ndarray) -> np.ndarray:
        """Return the log loss of each clip, nats, (N,)."""
        said = log_softmax(self.inputs @ weights, axis=1)
        return np.asarray(-said[np.arange(len(self.labels)), self.labels])

    def learned(self, ridge: float) -> np.ndarray:
        """Return the weights (K,) of the least loss, summed over clips, plus `ridge` times their squared distance from
        their mean; with the ridge `PRODUCT` those of the product share one weight, and the others are 0.
        """
        if ridge == PRODUCT:
            alone = LogPool((self.inputs @ self.ones)[..., None], self.labels, np.ones(1), True)
            return np.asarray(alone._minimum(np.array([[2 * _PULL * self.ones.sum()]])) * self.ones)
        mean = np.outer(self.ones, self.ones) / self.ones.sum()
        return self._minimum(2 * ridge * (np.eye(len(self.ones)) - mean) + 2 * _PULL * mean)

    def _minimum(self, bend: np.ndarray) -> np.ndarray:
        """Return the weights of the least loss plus half of (weights - ones)' bend (weights - ones)."""
        at = self.ones.copy()
        for _ in range(_STEPS):
            slope, curve = self._derivatives(at, bend)
            free = ~((at <= 0) & (slope > 0)) if self.nonnegative else np.ones(len(at), bool)
            step = np.zeros(len(at))
            step[free] = np.linalg.solve(curve[np.ix_(free, free)], slope[free])
            before, share = self._value(at, bend), 1.0
            while self._value(then := self._moved(at, share * step), bend) > before + 1e-9 * (1 + abs(before)):
                share /= 2
                if share < 1e-9:
                    return at
            if np.abs(then - at).max() < 1e-9 * (1 + np.abs(at).max()):
                return then
            at = then
        return at

    def _moved(self, at: np.ndarray, step: np.ndarray) -> np.ndarray:
        return np.maximum(at - step, 0) if self.nonnegative else at - step

    def _value(self, at: np.ndarray, bend: np.ndarray) -> float:
        away = at - self.ones
        return float(self.losses(at).sum() + away @ bend @ away / 2)

    def _derivatives(self, at: np.ndarray, bend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        shares = np.exp(log_softmax(self.inputs @ at, axis=1))
        expected = np.einsum("nc,nck->nk", shares, self.inputs)
        slope = (expected - self.inputs[np.arange(len(self.labels)), self.labels]).sum(axis=0)
        weighed = (np.sqrt(shares)[..., None] * self.inputs).reshape(-1, len(at))
        return slope + bend @ (at - self.ones), weighed.T @ weighed - expected.T @ expected + bend
