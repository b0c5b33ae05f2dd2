"""Weights that are chosen on validation clips; a plain loop over all pairs of weights as the reference."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.classification.image_sets.ensemble import equal, validated


def posteriors(*rights: float, clips: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return those of classifiers that are sure and right this often, on other clips each, and the labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, clips)
    found = np.full((len(rights), clips, 3), 0.1)
    for one, right in zip(found, rights, strict=True):
        decided = np.where(rng.random(clips) < right, labels, (labels + 1) % 3)
        one[np.arange(clips), decided] = 0.8
    return found, labels


def loss(weights: np.ndarray, found: np.ndarray, labels: np.ndarray) -> float:
    return -np.log(np.tensordot(weights, found, 1)[np.arange(len(labels)), labels]).mean()


def test_they_lower_the_loss_on_validation_and_leave_out_what_does_not_help():
    found, labels = posteriors(0.7, 0.7, 0.0)
    weights = validated(found, labels, np.arange(3))
    assert weights.sum() == pytest.approx(1)
    assert (weights[:2] > 0).all()
    assert weights[2] == 0
    assert loss(weights, found, labels) < min(loss(np.eye(3)[0], found, labels), loss(equal(3), found, labels))
    grid = [np.array([share, 1 - share, 0]) for share in np.linspace(0, 1, 201)]
    assert loss(weights, found, labels) <= min(loss(each, found, labels) for each in grid) + 1e-3


def test_of_equal_classifiers_the_first():
    found, labels = posteriors(0.7)
    np.testing.assert_array_equal(validated(np.concatenate([found, found]), labels, np.arange(3)), [1, 0])


def test_without_clips_the_weights_are_equal():
    np.testing.assert_allclose(validated(np.zeros((4, 0, 3)), np.zeros(0, int), np.arange(3)), 0.25)
