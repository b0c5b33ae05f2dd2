"""`pipeline.faces.tracking.tracker` on detectors whose answers are known, and on real faces."""

from __future__ import annotations

import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from helpers.media import drawn
from helpers.scenes import detector
from pipeline.core.errors import ClipError
from pipeline.faces.boxes import Detection, eye_centres, iou, smooth
from pipeline.faces.detection import dlib_hog
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import DETECTED, INTERPOLATED, track
from pipeline.media.decode import read_frames, read_video_frames

CREMAD = Path(__file__).resolve().parents[4] / "shared" / "data" / "cremad"
RAW = TrackParams(search_every_s=0, smooth_s=0)
"""A detection in every frame, and nothing in between."""


class Clip:
    """Frames at 25 fps whose grey tells their number, and itself a detector with an answer for each."""

    eyes = ((0.25, 0.3), (0.75, 0.4))

    def __init__(self, answers):
        self.answers = answers
        self.looked_at = []

    def frames(self):
        for index in range(len(self.answers)):
            rgb = np.full((120, 160, 3), 50 + index, np.uint8)
            yield index * 0.04, drawn(rgb)

    def __call__(self, rgb):
        index = int(rgb[-1, -1, 0]) - 50
        self.looked_at.append(index)
        return self.answers[index]

    def track(self, params=RAW, notes=None):
        return track(self.frames(), self, params, [] if notes is None else notes)


def face(left, size=40.0, score=1.0):
    return Detection((left, 30.0, left + size, 30.0 + size), score)


def test_a_moving_face_is_found_in_every_frame():
    notes = []
    result = Clip([[face(20 + 2 * i)] for i in range(25)]).track(notes=notes)
    assert result.mask.all()
    assert np.array_equal(result.values[:, 0], 20 + 2 * np.arange(25))
    assert np.array_equal(result.values, result.extra["boxes"])
    assert np.allclose(result.times, np.arange(25) * 0.04)
    assert (result.extra["score"] == 1).all()
    assert notes == []


def test_dtypes_and_shapes():
    result = Clip([[face(20)]] * 3).track(RAW)
    assert (result.values.dtype, result.times.dtype, result.mask.dtype) == (np.float32, np.float64, bool)
    assert result.extra["score"].dtype == np.float32
    assert result.extra["landmarks"].dtype == np.float32
    assert result.extra["landmarks"].shape == (3, 2, 2)


def test_the_eyes_lie_where_the_detectors_boxes_have_them():
    found = [[face(20 + 2 * i)] for i in range(15)]
    found[4:9] = [[]] * 5
    result = Clip(found).track()
    eyes = result.extra["landmarks"]
    assert eyes[0].tolist() == [[30, 42], [50, 46]]  # a box of 40 px at (20, 30)
    assert np.isnan(eyes[4:9]).all()
    assert np.allclose(eyes[result.mask, 0, 0], result.values[result.mask, 0] + 10)


def test_the_eyes_are_as_smooth_as_the_boxes():
    jitter = np.random.default_rng(0).normal(0, 2, 50)
    result = Clip([[face(40 + jitter[i])] for i in range(50)]).track(TrackParams(search_every_s=0, smooth_s=0.08))
    assert np.allclose(result.extra["landmarks"], eye_centres(result.values, Clip.eyes))
    assert np.abs(np.diff(result.extra["landmarks"][:, 0, 0])).mean() < 0.4 * np.abs(np.diff(jitter)).mean()


def test_a_short_gap_is_interpolated():
    found = [[face(20 + 2 * i)] for i in range(12)]
    found[4:8] = [[]] * 4  # 0.2 s between the detections around it
    result = Clip(found).track()
    assert result.mask.all()
    assert np.allclose(result.values[:, 0], 20 + 2 * np.arange(12))
    assert result.extra["score"].tolist() == [1] * 4 + [0] * 4 + [1] * 4
    assert result.extra["how"].tolist() == [DETECTED] * 4 + [INTERPOLATED] * 4 + [DETECTED] * 4


def test_a_long_gap_is_unobserved():
    found = [[face(20)] for _ in range(15)]
    found[4:9] = [[]] * 5
    result = Clip(found).track()
    assert result.mask.tolist() == [True] * 4 + [False] * 5 + [True] * 6
    assert np.isnan(result.values[4:9]).all()
    assert np.isnan(result.extra["score"][4:9]).all()


def test_nothing_is_invented_before_the_first_and_after_the_last_detection():
    result = Clip([[], [face(20)], [face(20)], []]).track()
    assert result.mask.tolist() == [False, True, True, False]


def test_two_faces_the_larger_and_surer_is_the_subject_throughout():
    near, far = face(10, 60.0), face(100, 30.0)
    found = [[far, near] if i % 2 else [near, far] for i in range(10)]
    found[3] = [far]
    result = Clip(found).track()
    assert (result.values[:, 0] == 10).all()


def test_a_face_that_is_larger_for_one_frame_only_is_not_the_subject():
    found = [[face(10)] for _ in range(10)]
    found[5] = [face(10), face(70, 90.0)]
    assert (Clip(found).track().values[:, 0] == 10).all()


def test_no_face_and_no_frame():
    with pytest.raises(ClipError) as caught:
        Clip([[]] * 5).track()
    assert caught.value.reason == "no_face"
    with pytest.raises(ClipError) as caught:
        Clip([]).track()
    assert caught.value.reason == "no_video"


@pytest.mark.parametrize(("faces", "expected"), [(4, ["few_faces"]), (5, [])])
def test_few_faces(faces, expected):
    found = [[face(20)] for _ in range(faces)] + [[]] * (10 - faces)
    notes = []
    Clip(found).track(notes=notes)
    assert notes == expected
    strict = []
    Clip(found).track(TrackParams(search_every_s=0, smooth_s=0, min_coverage=0.6), strict)
    assert strict == ["few_faces"]


def test_smoothing_takes_jitter_away_and_keeps_steady_motion():
    jitter = np.random.default_rng(0).normal(0, 2, 50)
    rough = np.abs(np.diff(jitter)).mean()
    result = Clip([[face(40 + jitter[i])] for i in range(50)]).track(TrackParams(search_every_s=0, smooth_s=0.08))
    assert np.abs(np.diff(result.values[:, 0])).mean() < 0.4 * rough
    steady = Clip([[face(20 + 2 * i)] for i in range(25)]).track(TrackParams(search_every_s=0, smooth_s=0.2))
    assert np.allclose(steady.values[:, 0], 20 + 2 * np.arange(25), atol=1e-4)


def test_smoothing_does_not_reach_over_an_unobserved_gap():
    boxes = np.full((9, 4), np.nan)
    boxes[:4], boxes[5:] = 10.0, 90.0
    result = smooth(boxes, np.arange(9) * 0.04, 0.1)
    assert np.allclose(result[:4], 10)
    assert np.allclose(result[5:], 90)
    assert np.isnan(result[4]).all()


def test_full_frames_are_not_kept():
    alive: list[weakref.ref] = []

    def frames():
        for index in range(30):
            picture = drawn(np.full((60, 80, 3), 50, np.uint8))
            alive.append(weakref.ref(picture))
            yield index * 0.04, picture
            assert sum(ref() is not None for ref in alive) <= 3

    for params in (RAW, TrackParams()):
        alive.clear()
        track(frames(), Clip([[face(10)]] * 256), params, [])
        assert len(alive) == 30, "one reading"


@pytest.mark.parametrize("params", [RAW, TrackParams()], ids=["every frame", "following"])
def test_a_detector_that_sees_one_face_twice(params):
    twice = [face(20), face(30, score=0.9)]
    found = Clip([twice] * 12).track(params)
    assert found.mask[0]
    once = Clip([twice] + [[]] * 11)
    assert once.track(params).mask[0]


def test_boxes_beyond_the_picture():
    for left in (-39.0, 159.0, -200.0, 400.0):
        for params in (RAW, TrackParams()):
            assert Clip([[face(left)]] * 6).track(params).mask[0]


def test_iou():
    assert iou((0, 0, 10, 10), (0, 0, 10, 10)) == pytest.approx(1)
    assert iou((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert iou((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def test_settings_are_strict():
    with pytest.raises(ValidationError):
        TrackParams(detect_evry_s=2)
    with pytest.raises(ValidationError):
        TrackParams(detect_every_s=0)
    with pytest.raises(ValidationError):
        dlib_hog.Params(upsample=-1)


@pytest.mark.parametrize("params", [TrackParams(), TrackParams(search_every_s=0)], ids=["following", "every frame"])
def test_dlib_follows_a_real_face_through_a_gap(params):
    data = pytest.importorskip("skimage.data")
    astronaut = cv2.resize(data.astronaut(), (320, 320), interpolation=cv2.INTER_AREA)  # the face is 80 px wide
    shifted = [np.roll(astronaut, 3 * i, axis=1) for i in range(8)]
    shifted[3] = np.zeros_like(astronaut)
    result = track(((i * 0.04, drawn(rgb)) for i, rgb in enumerate(shifted)), detector(), params, [])
    assert result.mask.all()
    assert result.extra["how"][3] == INTERPOLATED
    assert result.extra["score"][3] == 0
    if not params.search_every_s:
        assert (result.extra["score"][[0, 1, 2, 4, 5, 6, 7]] > 0).all()
    centres = (result.values[:, 0] + result.values[:, 2]) / 2
    assert centres[0] == pytest.approx(140, abs=10)  # the astronaut's nose
    assert centres[7] - centres[0] == pytest.approx(21, abs=6)
    left, right = result.extra["landmarks"][0]
    assert left == pytest.approx((127, 63), abs=8)  # measured by hand on the picture of 512 px: (204, 102), (247, 104)
    assert right == pytest.approx((154, 65), abs=8)


@pytest.mark.skipif(not CREMAD.is_dir(), reason="the CREMA-D clips are not beside this checkout")
def test_real_clip_has_a_face_in_every_frame():
    path = sorted(CREMAD.glob("*.flv"))[0]
    result = track(read_video_frames(path), detector(), TrackParams(), [])
    assert result.mask.all()
    steps = np.diff(result.times)
    assert (steps > 0).all()
    assert steps.mean() == pytest.approx(1 / 30, abs=0.001)
    overlaps = [
        iou(tuple(box), found[0].box)
        for box, (_, rgb) in zip(result.values.tolist(), read_frames(path), strict=True)
        if (found := detector()(rgb))
    ]
    assert len(overlaps) > 50
    assert np.mean(overlaps) > 0.8
    assert min(overlaps) > 0.7
    assert (result.extra["how"] == DETECTED).sum() < 0.1 * len(steps), "the detector is asked seldom"
