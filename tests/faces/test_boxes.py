"""Boxes by hand: areas, overlap at its edges, which box stays, similarity, drawing, smoothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.faces.boxes import drawn, eye_centres, iou, overlaps, side, similarity, smooth, suppress

SQUARE = (10.0, 20.0, 30.0, 40.0)


def test_the_side_is_that_of_the_square_of_equal_area_and_of_an_empty_box_zero():
    assert side((10, 20, 14, 29)) == 6
    assert side((0.5, 0, 1, 0.5)) == 0.5, "boxes below a pixel have an area, too"
    assert side((14, 20, 10, 29)) == side((10, 29, 14, 20)) == side((10, 20, 10, 29)) == 0


def test_iou_by_hand():
    assert iou(SQUARE, SQUARE) == 1
    assert iou(SQUARE, (20, 30, 40, 50)) == pytest.approx(100 / 700)
    assert iou(SQUARE, (15, 20, 25, 40)) == pytest.approx(200 / 400), "one within the other"
    assert iou(SQUARE, (29.5, 39.5, 49.5, 59.5)) == pytest.approx(0.25 / 799.75), "half a pixel in common"


@pytest.mark.parametrize("other", [(30, 20, 50, 40), (10, 40, 30, 60), (30, 40, 50, 60), (99, 99, 100, 100)])
def test_boxes_that_only_touch_have_nothing_in_common(other):
    assert iou(SQUARE, other) == iou(other, SQUARE) == 0
    for over in ("union", "smaller"):
        assert overlaps(np.array(SQUARE), np.array([other], float), over).tolist() == [0]


def test_iou_of_empty_boxes_is_zero():
    assert iou((5, 5, 5, 9), (5, 5, 5, 9)) == iou((5, 5, 9, 5), (5, 5, 9, 5)) == 0


def test_overlaps_over_the_union_are_iou_and_over_the_smaller_one_tell_what_lies_within():
    others = np.array([SQUARE, (20, 30, 40, 50), (15, 25, 25, 30), (0, 0, 100, 100)], float)
    assert overlaps(np.array(SQUARE), others, "union") == pytest.approx([iou(SQUARE, tuple(each)) for each in others])
    assert overlaps(np.array(SQUARE), others, "smaller") == pytest.approx([1, 0.25, 1, 1])


def test_a_box_is_taken_away_by_more_than_the_threshold_and_not_by_equal_to_it():
    boxes = np.array([(0, 0, 10, 10), (0, 0, 10, 5), (50, 50, 60, 60)], float)  # iou of the first two: 0.5
    assert suppress(boxes, np.array([0.9, 0.8, 0.95]), 0.5).tolist() == [2, 0, 1]
    assert suppress(boxes, np.array([0.9, 0.8, 0.95]), 0.49).tolist() == [2, 0]
    assert suppress(boxes, np.array([0.9, 0.8, 0.95]), 0.5, "smaller").tolist() == [2, 0]
    assert suppress(boxes, np.array([0.8, 0.9, 0.1]), 0.49).tolist() == [1, 2]


def test_of_equal_scores_the_earlier_box_stays():
    boxes = np.array([(0, 0, 10, 10), (0, 0, 10, 9), (1, 0, 10, 10)], float)
    assert suppress(boxes, np.array([0.5, 0.5, 0.5]), 0.3).tolist() == [0]
    assert suppress(np.zeros((0, 4)), np.zeros(0), 0.3).tolist() == []
    assert suppress(boxes, np.array([0.5, 0.5, 0.5]), 0.3).dtype == np.int64


def test_eyes_lie_at_their_share_of_the_box_and_nowhere_without_one():
    found = eye_centres(np.array([(10, 20, 30, 60), [math.nan] * 4]), ((0.25, 0.5), (0.75, 0.4)))
    assert found[0].tolist() == [[15, 40], [25, 36]]
    assert np.isnan(found[1]).all()


def test_a_similarity_turns_scales_and_shifts_and_never_reflects():
    points = np.array([(0, 0), (4, 0), (4, 3), (1, 2)], float)
    turn = 2 * np.array([[0.6, -0.8], [0.8, 0.6]])
    matrix = similarity(points, points @ turn.T + (5, -7))
    np.testing.assert_allclose(matrix, np.column_stack([turn, (5, -7)]), atol=1e-12)
    mirrored = similarity(points, points * (-1, 1))
    assert np.linalg.det(mirrored[:, :2]) >= 0
    # of two points, whose middles meet and whose distance grows by half
    np.testing.assert_allclose(
        similarity(np.array([(0, 0), (2, 0)]), np.array([(1, 1), (4, 1)])), [[1.5, 0, 1], [0, 1.5, 1]]
    )


def scaled(factor: float):
    return lambda fold: np.array(
        [[factor * fold, 0, (factor * fold - 1) / 2], [0, factor * fold, (factor * fold - 1) / 2]]
    )


def test_a_picture_is_drawn_at_its_place_and_reflected_beyond_its_border():
    rgb = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    shifted = drawn(rgb, lambda fold: np.array([[1, 0, 1], [0, 1, 2]], float), (6, 5), 1)
    assert shifted.shape == (5, 6, 3)
    np.testing.assert_array_equal(shifted[2:, 1:], rgb[:3])
    np.testing.assert_array_equal(shifted[2:, 0], rgb[:3, 1], "the border itself is not repeated")
    np.testing.assert_array_equal(shifted[1], shifted[3])


@pytest.mark.parametrize(("shrinks", "folds"), [(0.5, 1), (1, 1), (1 + 1e-7, 1), (1.01, 2), (2, 2), (2.4, 3)])
def test_a_picture_that_shrinks_is_drawn_at_a_whole_multiple_first(shrinks, folds):
    asked = []

    def matrix(fold: int) -> np.ndarray:
        asked.append(fold)
        return scaled(1 / shrinks)(fold)

    rgb = np.indices((48, 48)).sum(axis=0)[..., None].repeat(3, axis=2).astype(np.uint8)
    found = drawn(rgb, matrix, (8, 6), shrinks)
    assert (asked, found.shape) == ([folds], (6, 8, 3))


def test_a_picture_that_shrinks_has_the_means_of_what_one_pixel_covers():
    rgb = np.zeros((12, 12, 3), np.uint8)
    rgb[:, ::2] = 200  # every other column: a pixel of half the size holds one of each
    assert np.abs(drawn(rgb, scaled(0.5), (6, 6), 2).astype(int) - 100).max() <= 1


def boxes_at(values: np.ndarray) -> np.ndarray:
    return np.repeat(values[:, None], 4, axis=1) + np.array([0, 1, 10, 11])


def test_smoothing_leaves_steady_motion_what_is_not_there_and_runs_of_one_alone():
    times = np.array([0, 0.04, 0.08, 0.16, 0.2, 0.24, 0.3])
    boxes = boxes_at(3 + 50 * times)
    boxes[3] = np.nan
    boxes[5:] = np.nan
    boxes[6] = (7, 8, 9, 10)
    before = boxes.copy()
    np.testing.assert_allclose(smooth(boxes, times, 0.1), before, atol=1e-9)
    np.testing.assert_array_equal(boxes, before, "the input is not written to")
    rough = boxes + np.array([1, 0, 0, 0])
    np.testing.assert_array_equal(smooth(rough, times, 0), rough)
    assert smooth(boxes, times, 0) is not boxes


def test_smoothing_is_a_local_line_with_gaussian_weights_by_the_definition():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.02, 0.06, 40))
    boxes = boxes_at(np.zeros(40)) + rng.normal(size=(40, 4))
    sigma = 0.08
    expected = np.empty_like(boxes)
    for i, now in enumerate(times):
        near = np.abs(times - now) <= 3 * sigma
        weights = np.sqrt(np.exp(-0.5 * ((times[near] - now) / sigma) ** 2))
        line = np.column_stack([np.ones(near.sum()), times[near] - now])
        expected[i] = np.linalg.lstsq(line * weights[:, None], boxes[near] * weights[:, None], rcond=None)[0][0]
    np.testing.assert_allclose(smooth(boxes, times, sigma), expected, atol=1e-9)


def test_smoothing_reaches_frames_at_three_standard_deviations_and_none_beyond():
    times = np.arange(7) * 0.25  # exact in binary, like the reach of 0.75 s
    impulse = boxes_at(np.eye(7)[3] * 100)
    moved = np.abs(smooth(impulse, times, 0.25) - boxes_at(np.zeros(7)))[:, 0] > 1e-9
    assert moved.tolist() == [True] * 7
    assert not np.abs(smooth(impulse, times, 0.2) - boxes_at(np.zeros(7)))[[0, 6], 0].any()


def test_more_rows_than_are_smoothed_at_a_time_are_smoothed_alike():
    times = np.arange(1030) * 0.04
    boxes = boxes_at(np.sin(times * 9))
    whole, end = smooth(boxes, times, 0.06), smooth(boxes[900:], times[900:], 0.06)
    np.testing.assert_allclose(whole[920:], end[20:], atol=1e-9)
