"""Reduction of frames: NumPy's covariance as the reference, memory of one clip at a time, the guard against leakage."""

from __future__ import annotations

import dataclasses
import tracemalloc

import numpy as np
import pytest

from pipeline.classification.image_sets.reduction import FrameReducer
from pipeline.core.errors import LeakageError
from pipeline.training.datasets import Dataset, Scaler


def clips(offset: float = 0.0, columns: int = 6) -> Dataset:
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((columns, columns)) * np.linspace(3, 0.3, columns)[:, None]
    sequences = [(rng.standard_normal((n, columns)) @ mixing + offset).astype(np.float32) for n in (1, 40, 7, 25)]
    return Dataset(list("abcd"), sequences, np.array([0, 1, 0, 1]))


def test_components_are_those_of_all_frames_at_once():
    data = clips(offset=20)
    frames = np.concatenate(data.sequences)
    reducer = FrameReducer.of(data, 3, about_zero=False)
    scaler = Scaler.of(data, frames.astype(np.float64))
    np.testing.assert_allclose(reducer.scaler.mean, scaler.mean, rtol=1e-5)
    np.testing.assert_allclose(reducer.scaler.scale, scaler.scale, rtol=1e-5)
    scaled = scaler(frames).astype(np.float64)
    values, vectors = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    expected = vectors[:, :-4:-1] / np.sqrt(values[:-4:-1].mean())
    np.testing.assert_allclose(
        np.abs((reducer.basis * expected).sum(axis=0)), np.square(expected).sum(axis=0), rtol=1e-5
    )
    reduced = reducer(frames)
    assert reduced.shape == (len(frames), 3)
    assert reduced.var(axis=0).sum() == pytest.approx(3, rel=1e-4)
    assert list(reduced.var(axis=0)) == sorted(reduced.var(axis=0), reverse=True)


def test_many_columns_hold_nearly_the_most_variance_that_components_can():
    rng = np.random.default_rng(1)
    mixing = rng.standard_normal((12, 300))
    sequences = [
        (rng.standard_normal((20, 12)) @ mixing + rng.standard_normal((20, 300))).astype(np.float32) for _ in range(30)
    ]
    data = Dataset([f"c{i:02d}" for i in range(30)], sequences, np.zeros(30, np.int64))
    reducer = FrameReducer.of(data, 10, about_zero=False)
    scaled = reducer.scaler(np.concatenate(sequences)).astype(np.float64)
    basis = reducer.basis / np.linalg.norm(reducer.basis, axis=0)
    np.testing.assert_allclose(basis.T @ basis, np.eye(10), atol=1e-9)
    most = np.linalg.eigvalsh(scaled.T @ scaled / len(scaled))[-10:].sum()
    assert 0.999 * most <= np.square(scaled @ basis).sum() / len(scaled) <= most * (1 + 1e-9)
    again = FrameReducer.of(data, 10, about_zero=False)
    np.testing.assert_array_equal(again.basis, reducer.basis)


def test_all_components_keep_all_angles():
    data = clips()
    frames = np.concatenate(data.sequences)
    reducer = FrameReducer.of(data, 64, about_zero=False)
    scaled, reduced = reducer.scaler(frames).astype(np.float64), reducer(frames)
    unit = np.linalg.norm(scaled[0]) / np.linalg.norm(reduced[0])
    np.testing.assert_allclose(reduced @ reduced.T * unit**2, scaled @ scaled.T, atol=1e-4)


def test_about_zero_keeps_the_zero_of_the_feature():
    data = clips(offset=20)
    reducer = FrameReducer.of(data, 6, about_zero=True)
    np.testing.assert_array_equal(reducer.scaler.mean, 0)
    frames = np.concatenate(data.sequences).astype(np.float64)
    np.testing.assert_allclose(reducer.scaler.scale, np.sqrt(np.square(frames).mean(axis=0)), rtol=1e-6)
    np.testing.assert_allclose(reducer(np.zeros((1, 6), np.float32)), 0, atol=1e-12)
    assert np.abs(reducer(data.sequences[1])[:, 0]).min() > 1, "frames lie on one side of the zero"


def test_the_matrix_of_second_moments_is_never_made():
    columns = 4000
    sequences = [np.random.default_rng(seed).standard_normal((6, columns)).astype(np.float32) for seed in range(8)]
    data = Dataset([f"c{i}" for i in range(8)], sequences, np.zeros(8, np.int64))
    tracemalloc.start()
    FrameReducer.of(data, 4, about_zero=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * columns**2 / 20


def test_columns_that_never_change_are_left_out():
    data = clips()
    for sequence in data.sequences:
        sequence[:, 2] = 7
    reducer = FrameReducer.of(data, 64, about_zero=False)
    assert reducer.basis.shape == (6, 5)
    other = data.sequences[1].copy()
    other[:, 2] = 1e20
    np.testing.assert_allclose(reducer(other), reducer(data.sequences[1]), atol=1e-6)


def test_frames_that_are_all_equal_give_one_column():
    data = dataclasses.replace(clips(), sequences=[np.full((n, 6), 3, np.float32) for n in (1, 2, 3, 4)])
    for about_zero in (False, True):
        reducer = FrameReducer.of(data, 4, about_zero)
        assert reducer.basis.shape == (6, 1)
        assert np.isfinite(reducer(data.sequences[0])).all()


@pytest.mark.parametrize("part", ["val", "test"])
def test_only_training_clips_are_learned_from(part):
    with pytest.raises(LeakageError, match="a reduction of frames"):
        FrameReducer.of(dataclasses.replace(clips(), part=part), 3, about_zero=False)
