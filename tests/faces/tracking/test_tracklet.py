"""`pipeline.faces.tracking.tracklet`: what is known of one face, frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.faces.tracking.optical_flow import Follower
from pipeline.faces.tracking.patch import Grey, Place
from pipeline.faces.tracking.tracklet import Seen, Tracklet

EYES = ((0.3, 0.3), (0.7, 0.3))
TIMES = np.arange(20) * 0.04
GREY = Grey(np.random.default_rng(0).integers(0, 256, (100, 200), np.uint8), 1, (100, 200))


def walked(first: int, keys: dict[int, float], last: int, speed: float = 2.0, turn: float = 0.0) -> Tracklet:
    """A face of 20 px that goes right by `speed` px a frame; by frame, how far to the right of that it was detected."""
    tracklet = Tracklet(Follower(GREY, TIMES[first], Place(50, 50, 20)))
    for step, frame in enumerate(range(first, last + 1)):
        before = tracklet.follower.place
        if step:
            tracklet.follower.place = Place(before.x + speed, before.y, before.side, before.turn + turn)
            tracklet.moved(frame, before)
        else:
            tracklet.stayed(frame)
        if frame in keys:
            middle = 50 + speed * step + keys[frame]
            tracklet.detected(GREY, Seen(Place(middle, 50, 20).box, 1.0))
    return tracklet


def centres(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 0] + boxes[:, 2]) / 2


def test_motion_is_followed_and_the_place_is_where_it_was_detected():
    boxes, eyes = walked(0, {0: 0.0, 10: 4.0}, 12).course(TIMES, 0.0, EYES)
    expected = 50 + 2.0 * np.arange(13) + np.interp(np.arange(13), [0, 10], [0, 4])
    assert np.allclose(centres(boxes), expected)
    assert np.allclose(boxes[:, 2] - boxes[:, 0], 20)
    assert np.allclose(eyes[:, 0], boxes[:, 0] + 6)


def test_detections_that_jump_to_and_fro_are_smoothed():
    jumps = {frame: 3.0 * (-1) ** index for index, frame in enumerate(range(0, 20, 2))}
    boxes, _ = walked(0, jumps, 19).course(TIMES, 0.3, EYES)
    assert np.abs(centres(boxes)[4:-4] - 50 - 2.0 * np.arange(20)[4:-4]).max() < 0.8


def test_eyes_turn_with_the_head():
    _, eyes = walked(0, {0: 0.0}, 10, 0.0, 0.05).course(TIMES, 0.0, EYES)
    turn = np.arctan2(eyes[:, 3] - eyes[:, 1], eyes[:, 2] - eyes[:, 0])
    assert np.allclose(turn, 0.05 * np.arange(11))


def test_what_is_cut_off_takes_its_detections_along():
    tracklet = walked(0, {0: 0.0, 5: 0.0, 10: 0.0}, 10)
    tracklet.mouth = {9: 1.0, 10: 2.0}
    tracklet.cut_after(9)
    assert tracklet.mouth == {9: 1.0}
    assert tracklet.keys == [0, 5]
    assert len(tracklet.found) == 2
    boxes, _ = tracklet.course(TIMES, 0.1, EYES)
    assert len(boxes) == 10
    tracklet.cut_after(-1)
    assert (list(tracklet.frames), tracklet.keys, len(tracklet.places)) == ([], [], 0)


def test_what_was_followed_back_comes_first():
    later, earlier = walked(10, {10: 0.0}, 14), Tracklet(Follower(GREY, TIMES[10], Place(50, 50, 20)))
    earlier.stayed(10)
    for frame in (9, 8, 7):
        before = earlier.follower.place
        earlier.follower.place = before.moved(-2.0, 0.0)
        earlier.moved(frame, before)
    later.prepend(earlier)
    assert list(later.frames) == list(range(7, 15))
    boxes, _ = later.course(TIMES, 0.0, EYES)
    assert np.allclose(centres(boxes), 44 + 2.0 * np.arange(8))
    assert centres(np.array([later.box_at(8)])) == pytest.approx([46])
    assert later.box_at(6) is None
    assert later.box_at(15) is None


def test_a_frame_that_was_not_looked_at_lies_midway():
    tracklet = walked(0, {0: 0.0}, 2)
    tracklet.follower.rested = True
    tracklet.moved(3, tracklet.follower.place)
    tracklet.follower.rested, before = False, tracklet.follower.place
    tracklet.follower.place = Place(before.x + 6, before.y, 2 * before.side, 0.5)
    tracklet.moved(4, before)
    x, y, size, turn = tracklet.chain[-8:-4]
    assert (x, y, size, turn) == (54 + 3, 50, 30, 0.25)
    assert tracklet.chain[-4:].tolist() == [60, 50, 40, 0.5]
