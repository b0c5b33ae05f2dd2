"""`pipeline.media.frame_sampling`: which frames make up a segment, Zhang et al. 2017, section III.A.2."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.media.frame_sampling import filled, frames_in, sixteen


@pytest.mark.parametrize(
    ("available", "wanted"),
    [
        (1, [0] * 16),
        (5, [0] * 5 + [0, 1, 2, 3, 4] + [4] * 6),
        (15, [*range(15), 14]),
        (16, [*range(16)]),
        (17, [*range(16)]),
        (19, [*range(1, 17)]),
        (20, [*range(2, 18)]),
        (33, [*range(8, 24)]),
    ],
)
def test_sixteen_of_a_segment(available, wanted):
    assert sixteen(available).tolist() == wanted


@given(st.integers(1, 200), st.integers(1, 64))
def test_always_as_many_in_order_and_from_the_middle(available, count):
    taken = sixteen(available, count)
    assert len(taken) == count
    assert (np.diff(taken) >= 0).all()
    assert taken.min() >= 0
    assert taken.max() < available
    if available >= count:
        before, after = taken[0], available - 1 - taken[-1]
        assert (np.diff(taken) == 1).all()
    else:
        before, after = (taken == 0).sum() - 1, (taken == available - 1).sum() - 1
        assert set(taken) == set(range(available))
    if available > 1:
        assert after - before in (0, 1)  # the smaller half at the beginning


def test_no_frame_to_take():
    with pytest.raises(ValueError, match="without a frame"):
        sixteen(0)


TIMES = np.arange(50) * 0.04


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        (0.0, 0.655, range(17)),
        (0.3, 0.955, range(8, 24)),
        (0.04, 0.12, range(1, 3)),
        (0.041, 0.119, range(2, 3)),
        (0.05, 0.07, range(0)),
        (1.9, 9.0, range(48, 50)),
        (2.0, 9.0, range(0)),
    ],
)
def test_frames_in_a_window(start, end, wanted):
    assert list(range(*frames_in(TIMES, start, end))) == list(wanted)


@given(st.integers(1, 400), st.sampled_from([25, 29.97, 30, 50]), st.integers(0, 100))
def test_windows_side_by_side_hold_every_frame_once(count, rate, first):
    times = np.arange(count) / rate
    edges = np.arange(first, first + 40) * 0.3
    parts = [range(*frames_in(times, start, end)) for start, end in pairwise(edges)]
    assert list(chain.from_iterable(parts)) == list(range(*frames_in(times, edges[0], edges[-1])))


@pytest.mark.parametrize("hundredths", range(0, 200, 4))
def test_a_frame_on_the_edge_belongs_to_the_later_window(hundredths):
    """0.28 s is 7 x 0.04 and 28 x 0.01 only nearly: the last digits do not decide."""
    edge = hundredths * 10 / 1000
    assert hundredths // 4 in range(*frames_in(TIMES, edge, edge + 0.3))
    assert hundredths // 4 not in range(*frames_in(TIMES, edge - 0.3, edge))


@pytest.mark.parametrize(
    ("mask", "wanted"),
    [
        ("#", [0]),
        ("###", [0, 1, 2]),
        ("#..#", [0, 0, 3, 3]),
        ("#.#", [0, 0, 2]),
        ("#...#", [0, 0, 0, 4, 4]),
        ("..#..", [2, 2, 2, 2, 2]),
        (".##.", [1, 1, 2, 2]),
    ],
)
def test_a_frame_without_a_face_is_replaced_by_the_nearest(mask, wanted):
    assert filled(np.array([sign == "#" for sign in mask])).tolist() == wanted


@given(st.lists(st.booleans(), min_size=1, max_size=40).filter(any))
def test_only_frames_with_a_face_are_taken_and_in_order(shown):
    mask = np.array(shown)
    taken = filled(mask)
    assert mask[taken].all()
    assert (taken[mask] == np.flatnonzero(mask)).all()
    assert (np.diff(taken) >= 0).all()


def test_no_face_to_take():
    with pytest.raises(ValueError, match="no frame shows the face"):
        filled(np.zeros(4, bool))
