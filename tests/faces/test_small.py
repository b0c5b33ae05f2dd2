"""`pipeline.faces.small`: a face is found at any size, and a picture is enlarged only where it shows no face."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from helpers.hostile import film
from helpers.media import drawn
from helpers.scenes import detector
from pipeline.core.errors import ClipError
from pipeline.faces.alignment.align import AlignParams, align
from pipeline.faces.detection.dlib_hog import Detector, Params
from pipeline.faces.small import SMALLEST_PX, finder_of_small, fold_for, folds
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track

FACE_PX = 104.0
MIDDLE = 106.0


def reduced(px: float, count: int = 6) -> list[np.ndarray]:
    """Return pictures whose face is so many px wide."""
    scale = px / FACE_PX
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return [cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=kind) for rgb in film(1)[0][:count]]


def tracked(pictures, finder=None):
    return track(((0.04 * n, drawn(rgb)) for n, rgb in enumerate(pictures)), finder or detector(), TrackParams(), [])


@pytest.mark.parametrize("px", [15, 25, 40, 60, 104, 300])
def test_a_face_of_any_size_is_followed(px):
    faces = tracked(reduced(px))
    assert faces.mask.all()
    left, top, right, bottom = faces.values.mean(axis=0)
    assert right - left == pytest.approx(px, rel=0.25)
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((MIDDLE * px / FACE_PX,) * 2, abs=0.2 * px)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(2160, 3840), (2160, 2880)])
def test_a_face_in_a_large_picture(size):
    pictures = []
    for rgb in reduced(900, 2):
        canvas = np.full((*size, 3), 90, np.uint8)
        canvas[: len(rgb), : rgb.shape[1]] = rgb[: size[0], : size[1]]
        pictures.append(canvas)
    assert tracked(pictures).mask.all()


def test_a_small_face_is_aligned():
    pictures = [(0.04 * n, rgb) for n, rgb in enumerate(reduced(20))]
    found, _ = align(lambda: iter(pictures), detector(), AlignParams(detector="dlib_hog", frames=4, px=64))
    assert found.mask.all()
    assert found.values[:, 2].mean() - found.values[:, 0].mean() == pytest.approx(20, rel=0.3)


class Counting(Detector):
    shapes: list[tuple[int, ...]]

    def __call__(self, rgb):
        self.shapes.append(rgb.shape)
        return super().__call__(rgb)


def test_a_clip_with_a_face_is_never_enlarged():
    counting = Counting(Params())
    counting.shapes = []
    tracked(reduced(104), counting)
    assert max(shape[0] for shape in counting.shapes) <= 200


def test_a_clip_without_a_face_is_enlarged_ever_less_often():
    counting = Counting(Params())
    counting.shapes = []
    blank = [np.full((60, 60, 3), 90, np.uint8)] * 150
    with pytest.raises(ClipError, match="no_face"):
        tracked(blank, counting)
    assert sum(shape[0] > 60 for shape in counting.shapes) <= 2 * 4


def test_how_much_is_enlarged():
    assert folds(detector(), (60, 80)) == [2.0, pytest.approx(5.84)]
    assert folds(detector(), (2160, 3840)) == []
    assert folds(detector(), (SMALLEST_PX - 1, 400)) == []
    assert folds(lambda rgb: [], (60, 80)) == []  # type: ignore[arg-type]
    height, width = 720, 1280
    assert max(folds(detector(), (height, width))) ** 2 * height * width <= 3840 * 2160 * 1.001
    assert fold_for(detector(), 15) * 15 > 73
    assert fold_for(detector(), 70) == 1


def test_points_come_back_to_their_place():
    found = finder_of_small(detector())(reduced(30)[0])
    (left, _, right, _) = found[0].box
    assert (left + right) / 2 == pytest.approx(MIDDLE * 30 / FACE_PX, abs=4)
