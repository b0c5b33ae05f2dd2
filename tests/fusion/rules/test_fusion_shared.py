"""`pipeline.fusion`: margins, and which validation clips are held out together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fusion.rules import margins
from pipeline.protocols.held_out import deal, held_out_parts

NONE = [np.nan] * 3


def test_margins_by_hand():
    scores = np.array([[[0.5, 0.3, 0.2], NONE, [0.2, 0.2, 0.6]], [[1 / 3] * 3, [0.0, 1.0, 0.0], [0.4, 0.5, 0.1]]])
    np.testing.assert_array_equal(margins(scores), [[0.2, -np.inf, 0.4], [0, 1, 0.1]])


def test_what_is_equal_in_six_decimals_is_equal():
    assert 0.7 - 0.4 != 0.65 - 0.35, "in binary"
    found = margins(np.array([[[0.7, 0.4, 0.0]], [[0.65, 0.35, 0.0]]]))
    assert found[0, 0] == found[1, 0] == 0.3


@pytest.mark.parametrize(
    ("labels", "most", "expected"),
    [
        ([0, 0, 0, 1, 1, 1], 3, [0, 1, 2, 0, 1, 2]),
        ([1, 0, 1, 0, 1, 0], 3, [0, 0, 1, 1, 2, 2]),
        ([0, 0, 0, 1, 1, 1], 2, [0, 1, 0, 1, 0, 1]),
        ([2, 7], 5, [0, 1]),
        ([3], 5, [0]),
        ([], 5, []),
    ],
)
def test_deal_by_hand(labels, most, expected):
    assert deal(np.array(labels, int), most).tolist() == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=60), st.integers(2, 6))
def test_folds_are_stratified(labels, most):
    labels = np.array(labels)
    folds = deal(labels, most)
    assert set(folds) == set(range(min(most, len(labels))))
    assert np.ptp(np.bincount(folds)) <= 1
    for label in set(labels.tolist()):
        counts = np.bincount(folds[labels == label], minlength=folds.max() + 1)
        assert np.ptp(counts) <= 1
        assert (labels == label).sum() < 2 or (counts < counts.sum()).all(), "two clips are never held out together"


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ("aabbcc", [0, 0, 1, 1, 2, 2]),
        ("cbacba", [2, 1, 0, 2, 1, 0]),
        ("aabbbb", [0, 1, 2, 3, 4, 0]),
        ("abcdefghijkl", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]),
        ("", []),
    ],
)
def test_held_out_parts(speakers, expected):
    assert held_out_parts(list(speakers), np.zeros(len(speakers), int)).tolist() == expected
