"""Weights of a log-linear pool: the minimum that a general optimiser finds, and the limits of the ridge."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from pipeline.fusion.weights.log_pool import PRODUCT, LogPool


def pool(nonnegative: bool = True, clips: int = 40) -> LogPool:
    """The first model knows, the second guesses, the third says the opposite."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, clips)
    logs = rng.normal(size=(clips, 3, 3))
    logs[..., 0] += 1.5 * np.eye(3)[labels]
    logs[..., 2] -= 1.0 * np.eye(3)[labels]
    return LogPool(logs, labels, np.ones(3), nonnegative)


@pytest.mark.parametrize("nonnegative", [True, False])
@pytest.mark.parametrize("ridge", [0.5, 20.0])
def test_it_is_the_minimum(nonnegative, ridge):
    given = pool(nonnegative)

    def loss(weights):
        apart = weights - weights.mean()
        return given.losses(weights).sum() + ridge * apart @ apart + 0.1 * 3 * (weights.mean() - 1) ** 2

    bounds = [(0, None)] * 3 if nonnegative else None
    theirs = minimize(loss, np.ones(3), bounds=bounds, method="L-BFGS-B", options={"ftol": 1e-14, "gtol": 1e-9}).x
    np.testing.assert_allclose(given.learned(ridge), theirs, atol=1e-4)


def test_a_model_that_speaks_against_the_truth_weighs_nothing_unless_it_may():
    assert pool().learned(0.01)[2] == 0
    assert pool(nonnegative=False).learned(0.01)[2] < 0
    assert pool().learned(0.01)[0] > pool().learned(0.01)[1]


def test_a_strong_ridge_is_the_product():
    equal = pool().learned(PRODUCT)
    assert np.ptp(equal) == 0
    np.testing.assert_allclose(pool().learned(1e7), equal, atol=1e-4)


def test_clips_that_are_told_apart_perfectly_have_an_end():
    labels = np.arange(6) % 3
    found = LogPool(10 * np.eye(3)[labels][..., None], labels, np.ones(1), True).learned(1.0)
    assert 0 < found[0] < 2
    assert LogPool(np.zeros((0, 3, 2)), np.zeros(0, int), np.ones(2), True).learned(1.0).tolist() == [1, 1]
