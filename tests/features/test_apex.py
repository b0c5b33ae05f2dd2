"""Onset and apex by the energy of motion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import ClipError
from pipeline.core.store import joined
from pipeline.features.apex import ApexParams, at_apex, onset_and_apex, smoothed
from pipeline.features.extractors.hog import descriptor

DIRECTION = np.array([3.0, -1.0, 0.5])


def course(*strengths: float) -> np.ndarray:
    """Descriptors (T, 3) of an expression of these strengths on a face that is nowhere near 0."""
    return np.array(strengths)[:, None] * DIRECTION + np.array([7.0, 7.0, 7.0])


def ramp(still: int, rise: int, held: int) -> np.ndarray:
    return course(*np.zeros(still), *np.linspace(0, 1, rise + 2)[1:-1], *np.ones(held))


def row(states: np.ndarray, **params: object) -> np.ndarray:
    return joined(at_apex(iter(states), np.arange(len(states)) * 0.04, ApexParams(**params))).values[0]


@given(st.integers(1, 30), st.integers(0, 20), st.integers(1, 30))
def test_a_rise_is_found_wherever_it_lies(still: int, rise: int, held: int) -> None:
    onset, apex = onset_and_apex(ramp(still, rise, held))
    assert onset < still
    assert apex >= still + rise


@given(st.lists(st.floats(0, 0.45), min_size=2, max_size=20), st.integers(0, 20))
def test_the_largest_accumulated_change_counts_and_not_the_end(weak: list[float], place: int) -> None:
    """Rest, a peak, and something weaker behind it: the apex is the peak."""
    before, after = weak[:place], weak[place:]
    strengths = [0.0, *before, 1.0, *after, 0.3]
    onset, apex = onset_and_apex(course(*strengths))
    assert strengths[apex] == 1.0
    assert strengths[onset] == 0.0


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.floats(-100, 100))
def test_what_is_the_same_in_all_frames_is_no_motion(strengths: list[float], shift: float) -> None:
    states = np.round(course(*strengths), 3)
    moved = states + np.round(shift, 3)
    assert onset_and_apex(moved) == onset_and_apex(states)


@given(st.integers(1, 40))
def test_a_clip_without_motion_is_its_own_onset_and_apex(count: int) -> None:
    states = np.tile(DIRECTION, (count, 1))
    assert onset_and_apex(states) == (0, 0)
    np.testing.assert_array_equal(row(states), np.float32([*DIRECTION, 0, 0, 0]))


@given(st.integers(1, 10), st.integers(1, 30))
def test_a_clip_that_begins_at_the_apex_gives_the_way_back(held: int, rest: int) -> None:
    """Nothing tells which of two states is the expression: they are taken in the order of time, and neither is lost."""
    states = course(*np.ones(held), *np.zeros(rest))
    onset, apex = onset_and_apex(states)
    assert onset < held <= apex


def test_two_frames_are_two_states() -> None:
    np.testing.assert_allclose(row(course(0, 1)), [*course(1)[0], *DIRECTION], rtol=1e-6)


def test_one_observed_frame_has_no_change() -> None:
    np.testing.assert_allclose(row(course(0.5)), [*course(0.5)[0], 0, 0, 0])


def test_without_the_change_there_is_the_apex_alone() -> None:
    np.testing.assert_allclose(row(course(0, 1), change=False), course(1)[0])


def test_no_observed_frame_costs_the_clip() -> None:
    with pytest.raises(ClipError, match="no_face"):
        list(at_apex(iter(()), np.zeros(0), ApexParams()))


def test_one_bad_frame_is_no_apex() -> None:
    """A blink of one frame, as strong as the expression, against one that lasts."""
    strengths = [0.0] * 12 + [1.2] + [0.0] * 12 + [1.0] * 10
    assert onset_and_apex(course(*strengths))[1] == 12
    _, apex = onset_and_apex(smoothed(course(*strengths), 5))
    assert 25 <= apex < 35


@given(st.integers(1, 30), st.sampled_from([1, 3, 5, 9]))
def test_smoothing_is_a_moving_average(count: int, frames: int) -> None:
    states = np.random.default_rng(count).normal(size=(count, 2))
    half = min((frames - 1) // 2, count // 4)
    expected = [states[max(0, n - half) : n + half + 1].mean(axis=0) for n in range(count)]
    np.testing.assert_allclose(smoothed(states, frames), expected, atol=1e-12)


@given(st.integers(0, 55), st.integers(0, 3))
def test_light_that_is_added_to_every_frame_moves_neither(light: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    face, mouth = rng.integers(0, 100, (2, 60, 40, 3))
    frames = [np.uint8(face + share * mouth) for share in (0, 0, 0.3, 0.8, 1, 1, 0.9)]
    plain, lit = (np.stack([descriptor(frame + np.uint8(by)) for frame in frames]) for by in (0, light))
    np.testing.assert_array_equal(plain, lit)
    onset, apex = onset_and_apex(plain)
    assert onset <= 1
    assert apex in (4, 5)
