"""`pipeline.training.datasets`: steps of time, scaling, how validation is judged."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from pipeline.core.errors import LeakageError
from pipeline.training.datasets import Dataset, Scaler, pooled
from pipeline.training.judging import judged

TENTHS = np.arange(8) / 10


@pytest.mark.parametrize(
    ("values", "times", "mask", "step_s", "expected"),
    [
        pytest.param([1, 2, 3], [0, 0.1, 0.2], [1, 1, 1], 0.0, [1, 2, 3], id="no steps"),
        pytest.param([1, 2, 3], [0, 0.1, 0.2], [1, 0, 1], 0.0, [1, 3], id="no steps, one frame hidden"),
        pytest.param([0, 1, 2, 3], [0, 0.1, 0.2, 0.3], [1, 1, 1, 1], 0.2, [0.5, 2.5], id="pairs"),
        pytest.param([0, 1, 2], [0, 0.1, 0.2], [1, 1, 1], 0.2, [0.5, 2], id="a short last step"),
        pytest.param(
            [0, 1, 2, 3], [0, 0.1, 0.2, 0.3], [1, 0, 1, 1], 0.2, [0, 2.5], id="hidden frames count for nothing"
        ),
        pytest.param(
            [9, 1, 2, 3], [0, 0.1, 0.2, 0.3], [0, 1, 1, 1], 0.2, [1, 2.5], id="steps begin at the clip's first frame"
        ),
        pytest.param([1, 2, 3], [0, 0.1, 1.0], [1, 1, 1], 0.2, [1.5, 3], id="a gap leaves no empty step"),
        pytest.param([1, 2, 9, 3], [0, 0.1, 0.5, 1.0], [1, 1, 0, 1], 0.2, [1.5, 3], id="a gap in the mask"),
        pytest.param([1, 2, 3], [5.0, 5.1, 5.2], [1, 1, 1], 0.2, [1.5, 3], id="time starts anywhere"),
        pytest.param([1, 2, 3], [0, 0.1, 0.2], [1, 1, 1], 10.0, [2], id="one step over all"),
        pytest.param([1, 2], [0, 0.1], [0, 0], 0.2, [], id="nothing observed"),
        pytest.param([1, 2], [0, 0.1], [0, 0], 0.0, [], id="nothing observed, no steps"),
        pytest.param(range(8), TENTHS, [1] * 8, 0.1, range(8), id="0.3 / 0.1 is less than 3 in floats"),
        pytest.param(range(8), TENTHS + 0.7, [1] * 8, 0.1, range(8), id="and so is 1.0 - 0.7"),
        pytest.param([np.nan, 2], [0, 0.1], [0, 1], 0.2, [2], id="NaN where hidden"),
    ],
)
def test_pooled(values, times, mask, step_s, expected):
    column = np.array(values, np.float32)[:, None]
    found = pooled(column, np.array(times, float), np.array(mask, bool), step_s)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.array(expected, np.float32).reshape(-1, 1), rtol=1e-6)


@st.composite
def clips(draw):
    count = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    times = np.cumsum(rng.integers(1, 20, count)) / 100 + draw(st.floats(0, 5))
    return (
        rng.standard_normal((count, 3)).astype(np.float32),
        times,
        rng.random(count) < draw(st.sampled_from([0.3, 1.0])),
    )


@settings(deadline=None)
@given(clips())
def test_no_steps_leave_the_observed_frames_alone(clip):
    values, times, mask = clip
    np.testing.assert_array_equal(pooled(values, times, mask, 0), values[mask])


@settings(deadline=None)
@given(clips())
def test_a_step_over_the_whole_clip_is_its_mean(clip):
    values, times, mask = clip
    if mask.any():
        np.testing.assert_allclose(pooled(values, times, mask, 1e4), values[mask].mean(0, keepdims=True), atol=1e-5)


@settings(deadline=None)
@given(clips(), st.sampled_from([0.04, 0.08, 0.1, 0.25, 1.0]))
def test_pooled_is_a_group_by(clip, step_s):
    values, times, mask = clip
    step = np.floor((times - times[0]) / step_s + 1e-6)
    expected = pd.DataFrame(values[mask]).groupby(step[mask]).mean()
    np.testing.assert_allclose(pooled(values, times, mask, step_s), expected.to_numpy().reshape(-1, 3), atol=1e-5)


@settings(deadline=None)
@given(clips(), st.sampled_from([0.0, 0.08, 0.5]), st.integers(0, 2**32 - 1))
def test_hidden_frames_never_matter(clip, step_s, seed):
    values, times, mask = clip
    other = np.where(
        mask[:, None], values, np.random.default_rng(seed).standard_normal(values.shape).astype(np.float32) * 1e6
    )
    np.testing.assert_array_equal(pooled(values, times, mask, step_s), pooled(other, times, mask, step_s))


TRAIN = Dataset([], [], np.zeros(0, np.int64), "train")


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_scaler_is_scikit_learns(count, seed):
    rows = np.random.default_rng(seed).normal(3, 5, (count, 4)).astype(np.float32)
    expected = np.clip(StandardScaler().fit_transform(rows.astype(float)), -10, 10)
    np.testing.assert_allclose(Scaler.of(TRAIN, rows)(rows), expected, atol=1e-3)


def test_a_scaler_makes_no_copy_of_all_rows():
    """Mean and deviation come block by block; rows far from zero lose no digits by that."""
    rows = np.random.default_rng(0).normal(1e3, 1, (20_000, 64)).astype(np.float32)
    tracemalloc.start()
    found = Scaler.of(TRAIN, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 2
    np.testing.assert_allclose(found.mean, rows.mean(axis=0, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(found.scale, rows.std(axis=0, dtype=np.float64), rtol=1e-6)


def test_scaler_of_clips_reads_each_clip_once():
    read = []

    class Clips(list):
        def __iter__(self):
            for number, clip in enumerate(list.__iter__(self)):
                read.append(number)
                yield clip

    clips = Clips(np.ones((3, 2), np.float32) * n for n in range(4))
    Scaler.of_clips(Dataset(list("abcd"), clips, np.zeros(4, np.int64)))
    assert read == [0, 1, 2, 3]


def test_scaler_of_a_constant_column_and_an_outlier():
    rows = np.array([[7, 0], [7, 1], [7, 2]], np.float32)
    scaler = Scaler.of(TRAIN, rows)
    assert scaler.scale[0] == 1
    np.testing.assert_array_equal(scaler(rows)[:, 0], 0)
    assert np.array_equal(scaler(np.array([[7, 1e9], [7, -1e9]], np.float32))[:, 1], [10, -10])
    assert (scaler.mean.dtype, scaler.scale.dtype) == (np.float32, np.float32)


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(0, 2**32 - 1))
def test_scaler_of_clips_is_that_of_their_frames(lengths, seed):
    rng = np.random.default_rng(seed)
    clips = [rng.normal(3, 5, (length, 4)).astype(np.float32) for length in lengths]
    for clip in clips:
        clip[:, 3] = 7
    found = Scaler.of_clips(Dataset([str(i) for i in range(len(clips))], clips, np.zeros(len(clips), np.int64)))
    expected = Scaler.of(TRAIN, np.concatenate(clips))
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-6)
    np.testing.assert_allclose(found.scale, expected.scale, rtol=1e-6)
    assert (found.scale[3], found.mean.dtype, found.scale.dtype) == (1, np.float32, np.float32)


@pytest.mark.parametrize("part", ["val", "test"])
def test_scaler_of_other_clips_than_train_is_refused(part):
    with pytest.raises(LeakageError, match="a scaler was about to be fitted on"):
        Scaler.of_clips(Dataset(["a"], [np.zeros((1, 1), np.float32)], np.zeros(1, np.int64), part))


@pytest.mark.parametrize(
    ("labels", "known", "loss", "accuracy"),
    [
        pytest.param([0, 1], [0, 1], -np.log([0.5, 0.2]).mean(), 0.5, id="all taught"),
        pytest.param([0, 2], [0, 1], -np.log(0.5), 0.5, id="a class that training lacks counts for accuracy alone"),
        pytest.param([2, 2], [0, 1], -np.log([0.25, 1e-12]).mean(), 0.0, id="nothing taught"),
    ],
)
def test_judged(labels, known, loss, accuracy):
    posteriors = np.array([[0.5, 0.25, 0.25], [0.8, 0.2, 0.0]])
    assert judged(posteriors, np.array(labels), np.array(known)) == (round(loss, 6), accuracy)
