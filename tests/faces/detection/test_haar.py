"""`pipeline.faces.detection.haar`, where the installed OpenCV has the cascade and where it has not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.core.errors import WeightsError
from pipeline.faces.boxes import eye_centres
from pipeline.faces.detection import haar

has_cascade = hasattr(cv2, "CascadeClassifier") and (Path(cv2.data.haarcascades) / haar.CASCADE).is_file()


class Cascade:
    """In the place of OpenCV's classifier: answers as told, and notes how it was asked."""

    answer: tuple = ((), (), ())

    def __init__(self, path: str) -> None:
        assert Path(path).name == haar.CASCADE

    def detectMultiScale3(self, grey, **asked):
        self.grey, self.asked = grey, asked
        return self.answer


@pytest.fixture
def detector(monkeypatch, tmp_path):
    """The detector on a classifier whose answers are known."""

    def make(answer, **params):
        (tmp_path / haar.CASCADE).touch()
        monkeypatch.setattr(cv2, "CascadeClassifier", Cascade, raising=False)
        monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
        monkeypatch.setattr(Cascade, "answer", answer)
        return haar.Detector(haar.Params(**params))

    return make


def test_boxes_are_edges_best_first(detector):
    answer = (
        np.array([[10, 20, 30, 30], [50, 60, 40, 40]], np.int32),
        np.array([25, 25], np.int32),
        np.array([1.5, 2.5]),
    )
    made = detector(answer, scale_factor=1.2, min_neighbours=3, min_size=0.25)
    found = made(np.zeros((80, 120, 3), np.uint8))
    assert [d.box for d in found] == [(50, 60, 90, 100), (10, 20, 40, 50)]
    assert [d.score for d in found] == [2.5, 1.5]
    asked = made._cascade.asked
    assert (asked["scaleFactor"], asked["minNeighbors"], asked["minSize"]) == (1.2, 3, (20, 20))


def test_no_face_is_an_empty_list(detector):
    assert detector(((), (), ()))(np.zeros((80, 120, 3), np.uint8)) == []


@pytest.mark.parametrize(("equalise", "brightest"), [(True, 255), (False, 39)])
def test_equalising_spreads_the_grey_levels(detector, equalise, brightest):
    dark = np.random.default_rng(0).integers(10, 40, (80, 120, 1), np.uint8).repeat(3, axis=2)
    made = detector(((), (), ()), equalise=equalise)
    made(dark)
    assert made._cascade.grey.shape == (80, 120)
    assert made._cascade.grey.max() == brightest


def test_without_the_cascade_it_says_what_to_install_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(cv2, "CascadeClassifier", Cascade, raising=False)
    monkeypatch.setattr(cv2.data, "haarcascades", str(tmp_path))
    with pytest.raises(WeightsError, match=r"has no haarcascade_frontalface_default.xml; run `pip install") as caught:
        haar.Detector(haar.Params())
    assert "\n" not in str(caught.value)
    monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(
        WeightsError, match=r"track_faces.detector or align_faces.detector: .* has no cascade classifier; .* dlib_hog"
    ):
        haar.Detector(haar.Params())


def test_settings_are_strict():
    with pytest.raises(ValidationError):
        haar.Params(scale_factor=1.0)
    with pytest.raises(ValidationError):
        haar.Params(min_neighbors=3)


@pytest.mark.skipif(not has_cascade, reason="OpenCV 5 carries no Haar cascade")
def test_a_real_face():
    data = pytest.importorskip("skimage.data")
    astronaut = data.astronaut()
    detector = haar.Detector(haar.Params())
    best = detector(astronaut)[0]
    assert detector(astronaut)[0] == best
    left, right = eye_centres(np.array([best.box]), detector.eyes)[0]
    assert left == pytest.approx((204, 102), abs=10)  # eyes measured on the picture of 512 px
    assert right == pytest.approx((247, 104), abs=10)
