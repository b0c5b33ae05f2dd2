"""Logistic regression on a kernel: scikit-learn on the points themselves as the reference."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.classification.image_sets.logistic import Coordinates, KernelLogistic


def points(count: int, seed: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    return rng.standard_normal((count, 4)) + 2 * np.eye(4)[labels], labels


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("balanced", [False, True])
def test_on_the_linear_kernel_it_is_logistic_regression_on_the_points(classes, balanced):
    (train, labels), (test, _) = points(25, 0, classes), points(9, 1, classes)
    gram = train @ train.T
    found = KernelLogistic(3.0, balanced, Coordinates.of(gram)).fit(gram, labels)
    plain = LogisticRegression(C=3.0, class_weight="balanced" if balanced else None, tol=1e-8, max_iter=10_000)
    logits = found.decision_function(test @ train.T)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = plain.fit(train, labels).predict_proba(test)
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), expected, atol=1e-4)


def test_points_have_the_kernel_as_their_inner_products():
    train, _ = points(12, 0, 3)
    gram = train @ train.T
    found = Coordinates.of(gram)
    assert found.points.shape == (12, 4), "no more than the kernel's rank"
    np.testing.assert_allclose(found.points @ found.points.T, gram, atol=1e-9)
    np.testing.assert_allclose(gram @ found.back, found.points, atol=1e-9)


def test_a_kernel_of_zeros_knows_the_shares_of_the_classes_alone():
    labels = np.array([0, 0, 0, 1, 2, 2])
    found = KernelLogistic(1.0, False, Coordinates.of(np.zeros((6, 6)))).fit(np.zeros((6, 6)), labels)
    logits = found.decision_function(np.zeros((2, 6)))
    np.testing.assert_allclose(np.exp(logits[0]) / np.exp(logits[0]).sum(), [1 / 2, 1 / 6, 1 / 3], atol=1e-4)
