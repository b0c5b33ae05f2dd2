"""The weight search against trying all weights; hand-computed sums, ties, missing sub-systems, and its limit."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.errors import SettingsError
from pipeline.fusion.weights.branch_and_bound import search
from pipeline.fusion.weights.weighted_sum import columns_of, count_right, decisions, weighted_sum

GRID = (0.0, 0.5, 1.0)
NEVER = 10**9


def all_weights(scores, labels, candidates=GRID):
    """Yield all weights in the stated order: classes with most judged clips first, larger weights first."""
    models, _, classes = scores.shape
    judged = labels[~np.isnan(scores).any(axis=2).all(axis=0)].tolist()
    order = sorted(range(classes), key=lambda c: -judged.count(c))
    for flat in product(sorted(candidates, reverse=True), repeat=models * classes):
        weights = np.empty((models, classes))
        weights[:, order] = np.array(flat).reshape(classes, models).T
        yield weights


def first_best(scores, labels, candidates=GRID):
    """Try all weights with the sums that are in use; max keeps the first."""
    return max(all_weights(scores, labels, candidates), key=lambda weights: count_right(scores, weights, labels))


def brute_force(scores, labels):
    """Try all weights by the definition; the first of the best wins."""
    models, clips, classes = scores.shape
    best, most = None, -1
    for weights in all_weights(scores, labels):
        right = 0
        for n in range(clips):
            judged = [i for i in range(models) if not np.isnan(scores[i, n]).any()]
            sums = [round(sum(weights[i, c] * scores[i, n, c] for i in judged), 9) for c in range(classes)]
            right += bool(judged) and sums.index(max(sums)) == labels[n]
        if right > most:
            best, most = weights, right
    return best, most


def synthetic(models, classes, clips, seed=0, signal=0.8, missing=0.0):
    """Posteriors of sub-systems that see the label through noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, clips)
    logits = rng.normal(size=(models, clips, classes)) + signal * np.eye(classes)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True)
    scores[rng.random((models, clips)) < missing] = np.nan
    return np.round(scores, 6), labels


@st.composite
def cases(draw):
    models, classes = draw(st.sampled_from([(1, 2), (1, 3), (2, 2), (2, 3), (3, 2), (1, 4)]))
    clips = draw(st.integers(0, 8))
    levels = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
    flat = draw(st.lists(levels, min_size=models * clips * classes, max_size=models * clips * classes))
    scores = np.array(flat).reshape(models, clips, classes)
    missing = draw(st.lists(st.sampled_from([False, False, True]), min_size=models * clips, max_size=models * clips))
    scores[np.array(missing, bool).reshape(models, clips)] = np.nan
    return scores, np.array(draw(st.lists(st.integers(0, classes - 1), min_size=clips, max_size=clips)), np.int64)


@settings(deadline=None, max_examples=40)
@given(cases())
def test_the_search_finds_what_trying_all_weights_finds(case):
    scores, labels = case
    found = search(scores, labels, GRID, NEVER)
    weights, right = brute_force(scores, labels)
    assert (found.right, found.bound, found.exact) == (right, right, True)
    np.testing.assert_array_equal(found.weights, weights)
    assert count_right(scores, found.weights, labels) == right


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 5), (1, 6), (1, 7)]), st.integers(1, 14))
def test_with_two_candidates_and_many_classes_it_still_finds_what_trying_all_finds(seed, size, clips):
    scores, labels = synthetic(*size, clips, seed, missing=0.2)
    found = search(scores, labels, (1.0, 0.5), NEVER)
    np.testing.assert_array_equal(found.weights, first_best(scores, labels, (1.0, 0.5)))
    assert found.exact


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_a_stopped_search_tells_a_gap_that_holds(seed, limit):
    scores, labels = synthetic(2, 4, 25, seed, signal=0.3)
    full, stopped = search(scores, labels, GRID, NEVER), search(scores, labels, GRID, limit)
    assert full.exact
    assert full.gap == 0
    assert stopped.right <= full.right <= stopped.bound
    assert stopped.gap == stopped.bound - stopped.right
    assert count_right(scores, stopped.weights, labels) == stopped.right
    if stopped.exact:
        np.testing.assert_array_equal(stopped.weights, full.weights)


def test_a_limit_leaves_a_gap_and_says_so():
    scores, labels = synthetic(3, 5, 60, signal=0.2)
    found = search(scores, labels, GRID, 2)
    assert not found.exact
    assert found.gap > 0


def test_more_than_64_clips_of_one_class_are_all_counted():
    scores, labels = synthetic(2, 2, 200, signal=0.5)
    found, weights = search(scores, labels, GRID, NEVER), first_best(scores, labels)
    assert found.right == count_right(scores, weights, labels)
    np.testing.assert_array_equal(found.weights, weights)


@pytest.mark.parametrize("clips", [63, 64, 65, 128, 129])
def test_every_clip_has_a_bit_where_words_begin_and_end(clips):
    scores = np.tile([0.2, 0.8], (1, clips, 1))
    scores[0, -1] = [0.3, 0.9]
    found = search(scores, np.ones(clips, int), GRID, NEVER)
    assert (found.right, found.bound) == (clips, clips)
    assert search(scores, np.zeros(clips, int), (1.0,), NEVER).right == 0
    assert search(scores, np.r_[np.zeros(clips - 1, int), 1], (1.0,), NEVER).right == 1


def test_the_search_repeats_itself():
    scores, labels = synthetic(3, 4, 40, missing=0.1)
    first, second = (search(scores, labels, GRID, 500) for _ in range(2))
    assert first.weights.tobytes() == second.weights.tobytes()
    assert (first.right, first.bound, first.nodes, first.exact) == (
        second.right,
        second.bound,
        second.nodes,
        second.exact,
    )


def test_without_clips_all_weights_are_the_largest():
    found = search(np.zeros((2, 0, 3)), np.zeros(0, int), GRID, NEVER)
    assert found.weights.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert (found.right, found.bound, found.exact) == (0, 0, True)


def test_a_clip_that_no_sub_system_judged_is_never_right():
    scores = np.full((2, 3, 2), np.nan)
    scores[0, 0] = [0.9, 0.1]
    found = search(scores, np.array([0, 0, 1]), GRID, NEVER)
    assert (found.right, found.bound) == (1, 1)


def test_too_many_candidates_are_refused_by_name():
    with pytest.raises(
        SettingsError, match=r"fuse\.weighted\.candidates: 10 weights for each of 3 sub-systems make 1000 "
    ):
        columns_of([i / 10 for i in range(10)], 3)


WEIGHTS = [[1.0, 0.5], [0.5, 0.0]]
SUMS = [
    # scores of the first sub-system, of the second, sums, decision
    ([0.2, 0.8], [0.6, 0.4], [0.5, 0.4], 0),
    ([0.4, 0.8], [0.0, 1.0], [0.4, 0.4], 0),  # equal: the first class
    ([np.nan, np.nan], [0.6, 0.4], [0.3, 0.0], 0),
    ([0.1, 0.9], [np.nan, np.nan], [0.1, 0.45], 1),
    ([0.1, np.nan], [0.2, 0.8], [0.1, 0.0], 0),  # half a row is no row
    ([np.nan, np.nan], [0.0, 1.0], [0.0, 0.0], 0),  # nothing but zeros: the first class
    ([np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan], -1),
]


@pytest.mark.parametrize(("first", "second", "sums", "decision"), SUMS)
def test_sums_by_hand(first, second, sums, decision):
    total = weighted_sum(np.array([[first], [second]]), np.array(WEIGHTS))
    np.testing.assert_array_equal(total, [sums])
    assert decisions(total).tolist() == [decision]


def test_a_weight_is_lowered_only_where_that_wins_clips():
    scores = np.array([[[0.6, 0.4], [0.7, 0.3], [0.6, 0.4]], [[0.5, 0.5], [0.6, 0.4], [0.1, 0.9]]])
    # all weights 1: sums 1.1 0.9, 1.3 0.7, 0.7 1.3, so clips 0 and 2 of labels 0, 0, 1 are right, and so is 1
    assert search(scores, np.array([0, 0, 1]), GRID, NEVER).weights.tolist() == [[1, 1], [1, 1]]
    # clip 2 is of class 0 now: its sum 0.7 is reached by class 1 only with less than 0.7 / 1.3, first 1 * 0.4 + 0
    found = search(scores, np.array([0, 0, 0]), GRID, NEVER)
    assert found.right == 3
    assert found.weights.tolist() == [[1, 1], [1, 0]]


@pytest.mark.parametrize("seed", range(2))
def test_three_sub_systems_and_three_classes_against_all_19683_weights(seed):
    scores, labels = synthetic(3, 3, 30, seed, missing=0.1)
    np.testing.assert_array_equal(search(scores, labels, GRID, NEVER).weights, first_best(scores, labels))


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_of_equals_the_first_is_kept_however_many_nodes_are_examined_at_once(monkeypatch, batch, seed):
    monkeypatch.setattr("pipeline.fusion.weights.branch_and_bound.BATCH", batch)
    scores, labels = synthetic(2, 3, 7, seed, missing=0.2)
    found = search(scores, labels, GRID, NEVER)
    np.testing.assert_array_equal(found.weights, first_best(scores, labels))
    assert found.exact
