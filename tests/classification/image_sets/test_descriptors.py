"""Descriptors of sets of frames against their definitions, written out in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import eigh

from pipeline.classification.image_sets.descriptors import covariance, gaussian, subspace

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 6), st.integers(0, 10_000))
SHARE, LEAST = 1e-2, 1e-3


def frames_of(length: int, columns: int, seed: int, offset: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((length, columns)) + offset).astype(np.float32)


def mean_by_definition(frames: np.ndarray) -> list[float]:
    return [sum(float(row[d]) for row in frames) / len(frames) for d in range(frames.shape[1])]


def covariance_by_definition(frames: np.ndarray, share: float, least: float) -> np.ndarray:
    length, columns = frames.shape
    mean = mean_by_definition(frames)
    matrix = np.zeros((columns, columns))
    for i in range(columns):
        for j in range(columns):
            products = [(float(row[i]) - mean[i]) * (float(row[j]) - mean[j]) for row in frames]
            matrix[i, j] = sum(products) / (length - 1) if length > 1 else 0.0
    trace = sum(matrix[i, i] for i in range(columns))
    for i in range(columns):
        matrix[i, i] += share * max(trace, least)
    return matrix


def gaussian_by_definition(frames: np.ndarray) -> np.ndarray:
    columns = frames.shape[1]
    spread, mean = covariance_by_definition(frames, SHARE, LEAST), mean_by_definition(frames)
    factor = np.linalg.det(spread) ** (-1 / (columns + 1))
    matrix = np.empty((columns + 1, columns + 1))
    for i in range(columns):
        matrix[i, columns] = matrix[columns, i] = factor * mean[i]
        for j in range(columns):
            matrix[i, j] = factor * (spread[i, j] + mean[i] * mean[j])
    matrix[columns, columns] = factor
    return matrix


@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_covariance_is_its_definition(length):
    frames = frames_of(length, 4, length, offset=3)
    np.testing.assert_allclose(
        covariance(frames, SHARE, LEAST), covariance_by_definition(frames, SHARE, LEAST), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("length", [1, 2, 3, 9])
def test_gaussian_is_its_definition(length):
    frames = frames_of(length, 4, length, offset=1)
    np.testing.assert_allclose(gaussian(frames, SHARE, LEAST), gaussian_by_definition(frames), rtol=1e-8)


def test_covariance_by_hand():
    frames = np.array([[0, 0], [2, 0], [1, 3]], np.float32)
    np.testing.assert_allclose(covariance(frames, 0.1, 1.0), [[1 + 0.4, 0], [0, 3 + 0.4]], atol=1e-12)


def test_a_single_frame_has_the_least_covariance():
    frame = np.array([[5, -2, 1]], np.float32)
    np.testing.assert_allclose(covariance(frame, 0.1, 0.5), 0.05 * np.eye(3), atol=1e-15)
    still = np.repeat(frame, 7, axis=0)
    np.testing.assert_array_equal(covariance(still, 0.1, 0.5), covariance(frame, 0.1, 0.5))


@pytest.mark.parametrize("centred", [False, True])
def test_subspace_is_the_eigenspace_of_the_second_moments(centred):
    frames = frames_of(20, 6, 0, offset=1)
    columns = frames.T.astype(np.float64) - (frames.mean(axis=0, dtype=np.float64)[:, None] if centred else 0)
    moments = sum(np.outer(column, column) for column in columns.T)
    expected = eigh(moments)[1][:, ::-1][:, :3]
    basis = subspace(frames, 3, centred)
    np.testing.assert_allclose(basis @ basis.T, expected @ expected.T, atol=1e-9)
    np.testing.assert_allclose(
        np.abs((basis * expected).sum(axis=0)), 1, atol=1e-9
    )  # the same columns, in the same order


@pytest.mark.parametrize(
    ("length", "rank", "centred", "columns"),
    [
        (1, 3, False, 1),
        (1, 3, True, 0),
        (2, 3, False, 2),
        (2, 3, True, 1),
        (9, 3, False, 3),
        (9, 3, True, 3),
        (9, 9, False, 5),
    ],
)
def test_few_frames_give_few_columns(length, rank, centred, columns):
    basis = subspace(frames_of(length, 5, 0, offset=100), rank, centred)
    assert basis.shape == (5, columns)
    np.testing.assert_allclose(basis.T @ basis, np.eye(columns), atol=1e-12)


def test_frames_that_repeat_span_one_direction():
    still = np.repeat(np.array([[3, 4]], np.float32), 6, axis=0)
    basis = subspace(still, 2, centred=False)
    np.testing.assert_allclose(np.abs(basis[:, 0]), [0.6, 0.8])
    assert basis.shape == (2, 1)
    assert subspace(still, 2, centred=True).shape == (2, 0)
    assert subspace(np.zeros((4, 2), np.float32), 2, centred=False).shape == (2, 0)


@given(SHAPES)
def test_a_gaussian_has_determinant_1_and_is_positive_definite(shape):
    matrix = gaussian(frames_of(*shape), SHARE, LEAST)
    assert np.linalg.slogdet(matrix)[0] == 1
    assert abs(np.linalg.slogdet(matrix)[1]) < 1e-6
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12 * np.abs(matrix).max())
    assert np.linalg.eigvalsh(matrix).min() > 0


@given(SHAPES)
def test_a_covariance_is_positive_definite(shape):
    matrix = covariance(frames_of(*shape), SHARE, LEAST)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > 0


@given(SHAPES, st.randoms(use_true_random=False))
def test_the_order_of_frames_does_not_matter(shape, random):
    frames = frames_of(*shape)
    order = list(range(len(frames)))
    random.shuffle(order)
    np.testing.assert_allclose(covariance(frames[order], SHARE, LEAST), covariance(frames, SHARE, LEAST), atol=1e-9)
    np.testing.assert_allclose(
        gaussian(frames[order], SHARE, LEAST), gaussian(frames, SHARE, LEAST), rtol=1e-6, atol=1e-6
    )
    # all columns: where two singular values are close, a part of them would be ill-conditioned
    there, back = subspace(frames[order], 12, False), subspace(frames, 12, False)
    np.testing.assert_allclose(there @ there.T, back @ back.T, atol=1e-6)
