"""Kernel PLS: on a linear kernel it is scikit-learn's linear PLS on the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from pipeline.classification.image_sets.partial_least_squares import KernelPls


def material(count: int = 30, columns: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 3 * 2  # classes 0, 2, 4
    rows = rng.standard_normal((count, columns)) * np.linspace(2, 0.5, columns)
    rows[np.arange(count), labels] += 1.5
    return rows + 5, labels, rng.standard_normal((12, columns)) + 5


@pytest.mark.parametrize("latent", [1, 2, 4, 8])
def test_on_a_linear_kernel_it_is_linear_pls(latent):
    rows, labels, others = material()
    machine = KernelPls(latent).fit(rows @ rows.T, labels)
    np.testing.assert_array_equal(machine.classes, [0, 2, 4])
    targets = (labels[:, None] == machine.classes).astype(float)
    reference = PLSRegression(latent, scale=False, tol=1e-18, max_iter=100_000).fit(rows, targets)
    np.testing.assert_allclose(machine.decision_function(others @ rows.T), reference.predict(others), atol=1e-6)


def test_all_directions_of_two_points_give_their_indicators():
    gram = np.array([[2.0, 0.5], [0.5, 1.0]])
    np.testing.assert_allclose(
        KernelPls(9).fit(gram, np.array([3, 1])).decision_function(gram), [[0, 1], [1, 0]], atol=1e-9
    )


def test_a_kernel_that_tells_nothing_gives_the_shares_of_the_classes():
    machine = KernelPls(3).fit(np.ones((4, 4)), np.array([0, 0, 0, 1]))
    np.testing.assert_allclose(machine.decision_function(np.ones((2, 4))), [[0.75, 0.25]] * 2)


def test_more_directions_than_there_are_change_nothing():
    rows, labels, others = material(columns=5)
    few, many = (
        KernelPls(latent).fit(rows @ rows.T, labels).decision_function(others[:, :5] @ rows.T) for latent in (5, 60)
    )
    np.testing.assert_allclose(many, few, atol=1e-6)
