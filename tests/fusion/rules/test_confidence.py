"""confidence: Huang et al. 2017, eq. (3), case by case. Modality 0 is the visual one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fusion.rules import confidence

NONE = [np.nan] * 3


@pytest.mark.parametrize(
    ("video", "audio", "expected"),
    [
        pytest.param([0.7, 0.2, 0.1], [0.1, 0.5, 0.4], 0, id="video leads by more"),
        pytest.param([0.4, 0.35, 0.25], [0.1, 0.8, 0.1], 1, id="audio leads by more"),
        pytest.param([0.5, 0.25, 0.25], [0.25, 0.25, 0.5], 0, id="a tie goes to video"),
        pytest.param([0.5, 0.5, 0.0], [0.0, 0.5, 0.5], 0, id="a tie of nothing goes to video"),
        pytest.param([1 / 3] * 3, [0.34, 0.33, 0.33], 1, id="video knows nothing"),
        pytest.param([0.45, 0.1, 0.45], [0.4, 0.375, 0.225], 1, id="the top is not the confidence"),
        pytest.param([0.25, 0.5, 0.25], [0.5625, 0.3125, 0.125], 0, id="the highest posterior loses the tie"),
        pytest.param(NONE, [0.34, 0.33, 0.33], 1, id="no video"),
        pytest.param([1 / 3] * 3, NONE, 0, id="no audio"),
        pytest.param([0.7, 0.3, 0.0], [0.65, 0.25, 0.1], 0, id="0.7 - 0.3 ties with 0.65 - 0.25, whatever floats say"),
        pytest.param([0.65, 0.35, 0.0], [0.3, 0.6, 0.1], 0, id="0.65 - 0.35 ties with 0.6 - 0.3"),
    ],
)
def test_equation_3(video, audio, expected):
    scores = np.array([[video], [audio]])
    np.testing.assert_array_equal(confidence.fuse(scores, {})[0], scores[expected, 0])


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.7, 0.2, 0.1]], 2, id="the third leads by most"),
        pytest.param([[0.5, 0.25, 0.25], [0.125, 0.5, 0.375], [0.25, 0.25, 0.5]], 0, id="first and third tie"),
        pytest.param([NONE, [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]], 1, id="second and third tie, no first"),
        pytest.param([[1 / 3] * 3, NONE, [0.4, 0.3, 0.3]], 2, id="no second"),
        pytest.param([[1 / 3] * 3, NONE, NONE], 0, id="the first alone, which knows nothing"),
        pytest.param([NONE, NONE, [1 / 3] * 3], 2, id="the third alone"),
    ],
)
def test_equation_3_among_three(rows, expected):
    found = confidence.fuse(np.array(rows)[:, None], {})
    np.testing.assert_array_equal(found[0], rows[expected])


def test_neither():
    assert np.isnan(confidence.fuse(np.array([[NONE], [NONE]]), {})).all()


def test_many_clips_at_once():
    scores = np.array(
        [[[0.7, 0.2, 0.1], NONE, [0.4, 0.3, 0.3], NONE], [[0.1, 0.5, 0.4], [0.2, 0.3, 0.5], [0.0, 0.0, 1.0], NONE]]
    )
    expected = [scores[0, 0], scores[1, 1], scores[1, 2], NONE]
    np.testing.assert_array_equal(confidence.fuse(scores, {}), expected)


def test_nothing_is_learned():
    assert confidence.fit(confidence.Params(), np.full((2, 3, 3), 1 / 3), np.arange(3)) == {}


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 6), st.integers(2, 5))
def test_the_result_is_one_of_its_inputs_and_the_most_confident(seed, modalities, clips, classes):
    scores = np.random.default_rng(seed).dirichlet(np.ones(classes), (modalities, clips))
    found = confidence.fuse(scores, {})
    for clip in range(clips):
        leads = [np.sort(row)[-1] - np.sort(row)[-2] for row in scores[:, clip]]
        np.testing.assert_array_equal(found[clip], scores[int(np.argmax(leads)), clip])


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.permutations(range(4)))
def test_names_of_classes_do_not_matter(seed, order):
    scores = np.random.default_rng(seed).dirichlet(np.ones(4), (2, 5))
    np.testing.assert_array_equal(confidence.fuse(scores[..., order], {}), confidence.fuse(scores, {})[:, order])
