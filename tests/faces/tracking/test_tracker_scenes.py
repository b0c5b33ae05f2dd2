"""`pipeline.faces.tracking.tracker` where it is known where the faces are: no id changes, nobody is lost, the boxes are
right.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from helpers.media import drawn, rotate_metadata, tone, write_media
from helpers.scenes import SIZE, At, Scene, detector, paint, wall
from pipeline.core.clip import Clip
from pipeline.faces.detection import dlib_hog
from pipeline.faces.tracking.job import TrackJob
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import DETECTED, track
from pipeline.media.decode import read_video_frames
from pipeline.media.loudness import loudness

A, B = 1, 4


def test_a_moving_face():
    scene = Scene(50, {A: lambda i: At(240 + 110 * math.sin(i / 6), 170 + 50 * math.sin(i / 4))})
    found = scene.track()
    scene.check(found, coverage=1.0)


def test_a_face_that_comes_near():
    scene = Scene(50, {A: lambda i: At(240, 180, 85 + 2.4 * i)})
    scene.check(scene.track(), coverage=1.0)


def test_a_head_that_leans_thirty_degrees_to_either_side():
    scene = Scene(75, {A: lambda i: At(240, 180, 120, 30 * math.sin(i / 9))})
    found = scene.track()
    scene.check(found, coverage=1.0)
    eyes = found.extra["landmarks"]
    turn = np.degrees(np.arctan2(*(eyes[:, 1] - eyes[:, 0]).T[::-1]))
    expected = np.array([30 * math.sin(i / 9) for i in range(75)])
    assert np.abs(turn - expected).mean() < 6, "the eyes turn with the head"


def test_a_face_that_is_hidden_for_half_a_second():
    def board(canvas, index):
        if 25 <= index < 37:
            canvas[60:320, 150:330] = wall(7)[60:320, 150:330]

    scene = Scene(70, {A: lambda i: At(200 + i, 180)}, board)
    found = scene.track()
    scene.check(found, hidden=lambda _, i: 25 <= i < 37)
    assert not found.mask[27:35].any(), "half a second is no short gap"


def test_a_face_that_leaves_and_returns():
    def course(i):
        x = 200 - 12 * i if i < 40 else 200 - 12 * (110 - i)
        return At(x, 180) if x > -150 else None

    scene = Scene(110, {A: course})
    found = scene.track()
    scene.check(found)
    assert found.extra["tracks"].shape[1] == 1
    assert not found.mask[35:75].any()


@pytest.mark.parametrize(("a", "b"), [(A, B), (B, A), pytest.param(3, 2, marks=pytest.mark.long)])
def test_two_people_who_cross(a, b):
    scene = Scene(80, {a: lambda i: At(90 + 3.8 * i, 180, 100), b: lambda i: At(390 - 3.8 * i, 175, 115)})

    def behind(seed, i):
        return seed == a and abs(300 - 7.6 * i) < 130

    scene.check(scene.track(), hidden=behind)


def test_a_cut_to_somebody_else_and_back():
    scene = Scene(
        90,
        {
            A: lambda i: At(170, 180, 120) if i < 30 or i >= 60 else None,
            B: lambda i: At(260, 170, 130) if 30 <= i < 60 else None,
        },
        background=lambda i: 1 if 30 <= i < 60 else 0,
    )
    found = scene.track()
    scene.check(found, coverage=1.0)
    assert found.extra["tracks"].shape[1] == 2


@pytest.mark.parametrize(
    ("rows", "coverage"), [((100, 235), 1.0), ((150, 190, 230), 0.7)], ids=["captions", "over eyes, nose and mouth"]
)
def test_text_over_the_face(rows, coverage):
    def captions(canvas, index):
        for number, row in enumerate(rows):
            left = 10 + 3 * index if number == 1 else 60  # one of them runs
            cv2.putText(
                canvas, "breaking news: nothing", (left, row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (255, 255, 255), 2
            )

    scene = Scene(60, {A: lambda i: At(240 + 60 * math.sin(i / 8), 180, 130)}, captions)
    scene.check(scene.track(), coverage=coverage)


def test_who_speaks_may_be_the_subject(tmp_path):
    talks = [0.5 + 0.5 * math.sin(i * 2.1) if (i // 12) % 2 else 0.0 for i in range(60)]

    def picture(index):
        canvas = wall(0).copy()
        paint(canvas, B, At(140, 180, 125))  # larger
        paint(canvas, A, At(345, 180, 104), round(talks[index], 1))
        return canvas

    voice = tone(2.4) * np.repeat([0.02 if (i // 12) % 2 == 0 else 1.0 for i in range(60)], 640)
    path = write_media(
        tmp_path / "a.mp4",
        [40 * i for i in range(60)],
        voice,
        codecs=("libx264", "aac"),
        pictures=[picture(i) for i in range(60)],
    )
    for subject, left in ((("length", "size", "score"), True), (("length", "size", "score", "mouth"), False)):
        job = TrackJob(tmp_path, TrackParams(subject=subject, close_from=0.4), {})
        notes = []
        found = next(job.compute(Clip("a", path.name, "s", "anger"), None, notes))
        assert (found.values[:, 0].mean() < 200) == left
        assert found.extra["tracks"].shape == (60, 2, 4)
        assert bool(notes) == left, "the ledger tells of a close choice"
    assert loudness(path, None, None, found.times)[30] < loudness(path, None, None, found.times)[20]
    assert loudness(write_media(tmp_path / "silent.mp4", [0, 40]), None, None, np.array([0, 0.04])) is None


def test_a_still_face_keeps_still():
    scene = Scene(40, {A: lambda _: At(240, 180, 120)})
    for params in (TrackParams(), TrackParams(smooth_s=0)):
        found = scene.track(params)
        steps = np.linalg.norm(np.diff(found.extra["landmarks"], axis=0), axis=-1)
        assert steps.mean() < 0.5
        assert steps.max() < 1.5


def test_a_still_face_is_left_alone_in_every_second_frame_and_found_where_it_goes_next(monkeypatch):
    flow, looked = cv2.calcOpticalFlowPyrLK, []
    monkeypatch.setattr(
        "pipeline.faces.tracking.optical_flow.cv2.calcOpticalFlowPyrLK",
        lambda *given, **named: looked.append(1) or flow(*given, **named),
    )
    starts = Scene(40, {A: lambda i: At(160 + 5 * max(0, i - 20), 180, 120)})
    found = starts.track()
    truth = 160 + 5 * np.maximum(0, np.arange(40) - 20)
    middles = found.values[:, [0, 2]].mean(axis=1)
    assert np.abs(middles - middles[0] - (truth - 160)).max() < 3.5, (
        "a frame that is not looked at lies between its neighbours"
    )
    before = len(looked)
    Scene(40, {A: lambda _: At(160, 180, 120)}).track()
    assert len(looked) - before < 23 < 27 < before
    Scene(40, {A: lambda _: At(160, 180, 120)}).track(TrackParams(subject=("length", "mouth")))
    assert len(looked) - before > 57, "mouths move though faces do not"


def test_a_face_that_stays_as_it_was_detected_is_looked_at_half_as_often():
    asked = {}
    for speed in (0, 4):
        scene = Scene(70, {A: lambda i: At(100 + speed * i, 180, 120)})  # noqa: B023  drawn at once
        asked[speed] = int((scene.track().extra["how"] == DETECTED).sum())
    assert asked == {0: 3, 4: 4}


class Blind:
    """dlib's detector, which sees nothing from some frame on."""

    eyes, grey = dlib_hog.Detector.eyes, True

    def __init__(self, after: int):
        self.detect, self.after, self.frame, self.asked = detector(), after, 0, []

    def __call__(self, pixels):
        self.asked.append(self.frame)
        return self.detect(pixels) if self.frame < self.after else []

    def track(self, scene):
        def frames():
            for self.frame, picture in enumerate(scene.pictures()):
                yield self.frame / 25, drawn(picture)

        return track(frames(), self, TrackParams(), [])


@pytest.mark.parametrize(("moves", "until"), [(200, 85), (48, 73)], ids=["stays", "turns to where no detector sees it"])
def test_a_face_that_stayed_is_followed_for_a_while_when_the_detector_sees_it_no_more(moves, until):
    blind = Blind(after=25)
    found = blind.track(Scene(100, {A: lambda i: At(160 + 3 * max(0, i - moves), 180, 120)}))
    assert found.mask[:until].all()
    assert not found.mask[until + 3 :].any()
    assert blind.asked[:3] == [0, 20, min(61, moves + 1)]


def test_uneven_timestamps_and_no_frame_between(tmp_path):
    times = np.cumsum([0, *(20 if i % 3 else 90 for i in range(49))]).tolist()  # ms
    scene = Scene(50, {A: lambda i: At(150 + times[i] / 20, 180, 110)})
    path = write_media(tmp_path / "vfr.mkv", times, pictures=scene.pictures())
    found = track(read_video_frames(path), detector(), TrackParams(), [])
    assert np.allclose(found.times * 1000, times)
    scene.check(found, coverage=1.0)


def test_a_film_that_has_to_be_turned(tmp_path):
    scene = Scene(40, {A: lambda i: At(180 + 2 * i, 180, 110)})
    path = write_media(
        tmp_path / "a.mp4", [40 * i for i in range(40)], pictures=[np.rot90(rgb).copy() for rgb in scene.pictures()]
    )
    rotate_metadata(path)
    assert next(read_video_frames(path))[1].shape == SIZE
    scene.check(track(read_video_frames(path), detector(), TrackParams(), []), coverage=1.0)


def test_a_face_found_late_is_followed_back_to_its_start():
    def veil(canvas, index):
        if index < 20:  # lines over the eyes, that the detector does not bear, and following does
            canvas[150:156, 150:330] = 0

    scene = Scene(60, {A: lambda i: At(240, 180, 120)}, veil)
    scene.check(scene.track(), coverage=0.9)
