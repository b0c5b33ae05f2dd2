"""Sets of frames, and kernels between them: plain loops, scipy.linalg.logm, principal angles; Hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import eigh, logm, subspace_angles

from pipeline.classification.image_sets.kernels import (
    SetKernel,
    covariance,
    gaussian,
    log_row,
    products,
    projector_row,
    subspace,
)


def inner(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    return products(rows, others)[:, :-1]


def squared_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    own = np.square(others).sum(axis=1)
    found = products(rows, others)
    return found[:, -1:] + own - 2 * found[:, :-1]


def kernel_of(rows: np.ndarray, kind: str, degree: int = 2, gamma: float = 1.0) -> SetKernel:
    return SetKernel.of(products(rows, rows), kind, degree, gamma)


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
@pytest.mark.parametrize(
    ("kernel", "settings"),
    [
        ("linear", {}),
        ("polynomial", {"degree": 2}),
        ("polynomial", {"degree": 3}),
        ("rbf", {"gamma": 0.3}),
        ("rbf", {"gamma": 5.0}),
    ],
)
@settings(max_examples=20)
@given(lengths=SETS, seed=st.integers(0, 1000))
def test_kernel_matrices_are_symmetric_and_positive_semi_definite(kind, kernel, settings, lengths, seed):
    rows = rows_of(kind, sets_of(lengths, seed))
    gram = kernel_of(rows, kernel, **settings)(products(rows, rows))
    np.testing.assert_allclose(gram, gram.T, atol=1e-9 * np.abs(gram).max())
    assert np.linalg.eigvalsh(gram).min() >= -1e-9 * max(np.abs(gram).max(), 1)
    if kernel == "rbf":
        np.testing.assert_allclose(np.diag(gram), 1, atol=1e-9)


@given(seed=st.integers(0, 1000), rank=st.integers(1, COLUMNS))
def test_a_change_of_basis_does_not_change_a_subspace(seed, rank):
    basis = subspace(sets_of([9], seed)[0], rank, centred=False)
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal((rank, rank)))[0]
    np.testing.assert_allclose(projector_row(basis @ turn), projector_row(basis), atol=1e-12)


@pytest.mark.parametrize("kind", DESCRIBED)
@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_kernels_do_not_change_when_all_frames_are_turned_together(kind, seed):
    sets = sets_of([7, 8, 9], seed)
    turn = np.linalg.qr(np.random.default_rng(seed + 1).standard_normal((COLUMNS, COLUMNS)))[0]
    rows, turned = rows_of(kind, sets), rows_of(kind, [frames @ turn for frames in sets])
    np.testing.assert_allclose(inner(turned, turned), inner(rows, rows), rtol=1e-6, atol=1e-6)


def test_kernel_values_by_hand():
    rows = np.array([[0.0, 0], [3, 4], [0, 4]])  # squared distances 25, 16, 9: mean 50 / 3
    found = products(rows[1:2], rows)
    np.testing.assert_array_equal(found, [[0, 25, 16, 25]])
    np.testing.assert_allclose(kernel_of(rows, "linear")(found), [[0, 2 * 25 * 3 / 50, 2 * 16 * 3 / 50]])
    np.testing.assert_allclose(
        kernel_of(rows, "rbf", gamma=2.0)(found), np.exp([[-2 * 25 * 3 / 50, 0, -2 * 9 * 3 / 50]])
    )
    # squared inner products 625, 256, 256, 0: squared distances 625, 256 and 625 + 256 - 2 * 256, mean 1250 / 3
    np.testing.assert_allclose(
        kernel_of(rows, "polynomial", degree=2)(found), [[0, 2 * 625 * 3 / 1250, 2 * 256 * 3 / 1250]]
    )


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_a_polynomial_kernel_is_a_power_of_the_inner_product(degree):
    rows = rows_of("gaussian", sets_of([3, 4, 5, 6]))
    gram = kernel_of(rows, "polynomial", degree)(products(rows, rows))
    powers = (rows @ rows.T) ** degree
    np.testing.assert_allclose(gram / gram[0, 1], powers / powers[0, 1], rtol=1e-8)
    distances = np.diag(gram)[:, None] + np.diag(gram) - 2 * gram
    assert distances[~np.eye(4, dtype=bool)].mean() == pytest.approx(2)
    if degree == 1:
        np.testing.assert_allclose(gram, kernel_of(rows, "linear", 5)(products(rows, rows)), rtol=1e-12)


def test_training_sets_that_are_all_equal():
    rows = np.ones((3, 2))
    found = products(rows, rows)
    for kind in ("linear", "polynomial", "rbf"):
        np.testing.assert_array_equal(kernel_of(rows, kind)(found), np.ones((3, 3)))


@pytest.mark.parametrize("kind", ["linear", "polynomial"])
def test_training_sets_without_a_direction(kind):
    rows = np.zeros((3, 2))
    np.testing.assert_array_equal(kernel_of(rows, kind)(products(rows, rows)), np.zeros((3, 3)))


@pytest.mark.parametrize("kind", ["linear", "polynomial", "rbf"])
def test_a_row_of_the_kernel_does_not_hang_on_its_neighbours(kind):
    rows = rows_of("gaussian", sets_of([3, 4, 5, 6, 7]))
    kernel, found = kernel_of(rows, kind), products(rows, rows)
    for number in range(len(rows)):
        alone = products(rows[number : number + 1], rows)
        np.testing.assert_array_equal(kernel(alone)[0], kernel(found)[number])
