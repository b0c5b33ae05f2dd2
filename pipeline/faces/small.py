"""Faces smaller than a detector sees: it is shown an enlarged picture, and only where a clip shows no face otherwise.

A detector tells by its attribute `least_px` how large a face has to be, px; one without it sees faces of any size. On
eight clips of three corpora, reduced until the face was 15 px wide, dlib found none as they were and all of them
enlarged six times, with scores of 0.1 (drawn faces) to 2.4 (real ones); without the face, nothing.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np

from pipeline.faces.boxes import Detection, FaceDetector

SMALLEST_PX = 15
"""Side of the smallest face that is looked for, px."""
_MOST_PX = 3840 * 2160  # of an enlarged picture; dlib takes more than a second for so many
_SURE = 1.2  # a face is shown so much larger than the smallest that the detector sees
_CLEARLY_BELOW = 0.8  # a face of nearly `least_px` was found without enlarging
_FIRST = 2.0


def folds(detector: FaceDetector, shape: tuple[int, ...]) -> list[float]:
    """Return how much to enlarge a picture (height, width, ...) of which a detector finds nothing, in order; none where
    the detector sees the smallest faces, or the picture is large enough for any.
    """
    most = _SURE * getattr(detector, "least_px", 0) / SMALLEST_PX
    most = min(most, math.sqrt(_MOST_PX / (shape[0] * shape[1])))
    if min(shape[:2]) < SMALLEST_PX or most <= _SURE:
        return []
    return [_FIRST, most] if most > _FIRST * _SURE else [most]


def fold_for(detector: FaceDetector, side_px: float) -> float:
    """Return how much to enlarge a part of a picture with a face of so many px, 1 where that is none too few."""
    least = getattr(detector, "least_px", 0)
    return _SURE * least / side_px if side_px < _CLEARLY_BELOW * least else 1.0


def resized(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Return a picture (H, W) or (H, W, 3) uint8 so many times as high and wide."""
    height, width = (max(1, round(scale * size)) for size in pixels.shape[:2])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(pixels, (width, height), interpolation=kind)


def finder_of_small(detector: FaceDetector) -> Callable[[np.ndarray], list[Detection]]:
    """Return what takes pictures as a detector does, (H, W, 3) uint8, and finds faces that are too small for it, at
    their places in the picture as it is.
    """

    def find(rgb: np.ndarray) -> list[Detection]:
        for fold in folds(detector, rgb.shape):
            if found := detector(resized(rgb, fold)):
                return [_smaller(one, fold) for one in found]
        return []

    return find


def _smaller(found: Detection, fold: float) -> Detection:
    left, top, right, bottom = (edge / fold for edge in found.box)
    marks = found.landmarks and tuple((x / fold, y / fold) for x, y in found.landmarks)
    return Detection((left, top, right, bottom), found.score, marks)  # type: ignore[arg-type]  # five as before
