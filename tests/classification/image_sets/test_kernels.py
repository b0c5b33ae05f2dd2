"""Kernels between sets of frames: scipy.linalg.logm, principal angles, plain loops; invariants by Hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import logm, subspace_angles

from pipeline.classification.image_sets.descriptors import covariance, gaussian, subspace
from pipeline.classification.image_sets.kernels import SetKernel, inner, log_row, projector_row, squared_distances

COLUMNS = 5
DESCRIBED = {
    "subspace": lambda frames: projector_row(subspace(frames, 3, centred=False)),
    "centred subspace": lambda frames: projector_row(subspace(frames, 3, centred=True)),
    "covariance": lambda frames: log_row(covariance(frames, 1e-2, 1e-2)),
    "gaussian": lambda frames: log_row(gaussian(frames, 1e-2, 1e-2)),
}
SETS = st.lists(st.integers(1, 9), min_size=2, max_size=8)


def sets_of(lengths: list[int], seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((length, COLUMNS)) + rng.standard_normal(COLUMNS) for length in lengths]


def rows_of(kind: str, sets: list[np.ndarray]) -> np.ndarray:
    return np.stack([DESCRIBED[kind](frames) for frames in sets])


def test_projection_kernel_is_the_squared_norm_of_the_product_of_bases():
    bases = [subspace(frames, 3, centred=False) for frames in sets_of([1, 2, 5, 9])]
    rows = np.stack([projector_row(basis) for basis in bases])
    for i, one in enumerate(bases):
        for j, other in enumerate(bases):
            expected = sum(float(u @ v) ** 2 for u in one.T for v in other.T)
            assert inner(rows[i : i + 1], rows[j : j + 1])[0, 0] == pytest.approx(expected, abs=1e-12)


def test_projection_kernel_and_metric_by_principal_angles():
    one, other = (subspace(frames, 3, centred=False) for frames in sets_of([9, 8]))
    rows = np.stack([projector_row(one), projector_row(other)])
    angles = subspace_angles(one, other)
    assert inner(rows, rows)[0, 1] == pytest.approx((np.cos(angles) ** 2).sum())
    assert squared_distances(rows, rows)[0, 1] / 2 == pytest.approx((np.sin(angles) ** 2).sum())


def test_lines_by_hand():
    line, right, slant = np.array([[1.0], [0]]), np.array([[0.0], [1]]), np.array([[0.6], [0.8]])
    rows = np.stack([projector_row(basis) for basis in (line, right, slant)])
    np.testing.assert_allclose(inner(rows, rows), [[1, 0, 0.36], [0, 1, 0.64], [0.36, 0.64, 1]], atol=1e-12)


@pytest.mark.parametrize("describe", [covariance, gaussian])
def test_log_euclidean_kernel_and_distance_by_logm(describe):
    matrices = [describe(frames, 1e-2, 1e-2) for frames in sets_of([1, 2, 5, 9])]
    rows = np.stack([log_row(matrix) for matrix in matrices])
    logs = [logm(matrix) for matrix in matrices]
    expected = [[np.trace(one @ other) for other in logs] for one in logs]
    np.testing.assert_allclose(inner(rows, rows), expected, rtol=1e-8)
    distances = [[np.linalg.norm(one - other, "fro") ** 2 for other in logs] for one in logs]
    np.testing.assert_allclose(squared_distances(rows, rows), distances, rtol=1e-8, atol=1e-8)


def test_the_logarithm_of_a_diagonal_matrix_by_hand():
    np.testing.assert_allclose(log_row(np.diag([np.e, 1.0, np.e**2])), [1, 0, 0, 0, 0, 2], atol=1e-12)


def test_a_singular_matrix_has_a_finite_logarithm():
    assert np.isfinite(log_row(np.ones((3, 3)))).all()


@pytest.mark.parametrize("kind", DESCRIBED)
@pytest.mark.parametrize("gamma", [None, 0.3, 5.0])
@given(lengths=SETS, seed=st.integers(0, 1000))
def test_kernel_matrices_are_symmetric_and_positive_semi_definite(kind, gamma, lengths, seed):
    rows = rows_of(kind, sets_of(lengths, seed))
    gram = SetKernel.of(rows, gamma)(rows)
    np.testing.assert_allclose(gram, gram.T, atol=1e-9 * np.abs(gram).max())
    assert np.linalg.eigvalsh(gram).min() >= -1e-9 * max(np.abs(gram).max(), 1)
    if gamma is not None:
        np.testing.assert_array_equal(np.diag(gram), 1)


@given(seed=st.integers(0, 1000), rank=st.integers(1, COLUMNS))
def test_a_change_of_basis_does_not_change_a_subspace(seed, rank):
    basis = subspace(sets_of([9], seed)[0], rank, centred=False)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((rank, rank)))[0]
    np.testing.assert_allclose(projector_row(basis @ turn), projector_row(basis), atol=1e-12)


@pytest.mark.parametrize("kind", DESCRIBED)
@given(seed=st.integers(0, 1000))
def test_kernels_do_not_change_when_all_frames_are_turned_together(kind, seed):
    sets = sets_of([7, 8, 9], seed)
    turn = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((COLUMNS, COLUMNS)))[0]
    rows, turned = rows_of(kind, sets), rows_of(kind, [frames @ turn for frames in sets])
    np.testing.assert_allclose(inner(turned, turned), inner(rows, rows), rtol=1e-6, atol=1e-6)


def test_kernel_values_by_hand():
    rows = np.array([[0.0, 0], [3, 4], [0, 4]])  # squared distances 25, 16, 9: mean 50 / 3
    np.testing.assert_allclose(SetKernel.of(rows, None)(rows[1:2]), [[0, 2 * 25 * 3 / 50, 2 * 16 * 3 / 50]])
    np.testing.assert_allclose(SetKernel.of(rows, 2.0)(rows[1:2]), np.exp([[-2 * 25 * 3 / 50, 0, -2 * 9 * 3 / 50]]))


def test_training_sets_that_are_all_equal():
    rows = np.ones((3, 2))
    np.testing.assert_array_equal(SetKernel.of(rows, 1.0)(rows), np.ones((3, 3)))


@pytest.mark.parametrize("gamma", [None, 1.0])
def test_a_row_of_the_kernel_does_not_hang_on_its_neighbours(gamma):
    rows = rows_of("gaussian", sets_of([3, 4, 5, 6, 7]))
    kernel = SetKernel.of(rows, gamma)
    for number in range(len(rows)):
        np.testing.assert_array_equal(kernel(rows[number : number + 1])[0], kernel(rows)[number])
