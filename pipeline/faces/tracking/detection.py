"""Ask a detector for faces, in a whole picture or where one is expected, and for their eyes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from pipeline.faces.boxes import Detection, Eyes, FaceDetector
from pipeline.faces.tracking.patch import Place
from pipeline.faces.tracking.tracklet import Seen
from pipeline.media.frame import AnyFrame
from pipeline.media.yuv import Region

_AROUND = 1.8
"""Side of the square that is looked at over that of the expected face."""
_STEP, _FACE_PX = 5 / 6, 105.0
"""A large face is looked at smaller: by dlib's own step from size to size, as often as it stays above so many px."""
_CELL_PX, _WINDOW_PX = 8, 73
"""dlib looks for faces of so many px, their corners a multiple of 8 px apart, in ever smaller pictures. A part that
begins at such a multiple, in the size of the face, is looked at as the whole picture would be: boxes that overlap those
in the whole by 0.95 and not 0.84 (RAVDESS and CREMA-D). Other detectors do not mind."""

EyeFinder = Callable[[np.ndarray, Detection], Eyes]


class Look:
    """A detector, and what finds the eyes of a face in grey pixels where the detector does not; None = nothing does."""

    def __init__(self, detector: FaceDetector, eyes: EyeFinder | None = None) -> None:
        self._detector, self._eyes = detector, eyes

    def everywhere(self, picture: AnyFrame) -> list[Seen]:
        """Return the faces of a whole picture."""
        height, width = picture.shape
        return self._in(picture, (0, 0, width, height), 1.0)

    def near(self, picture: AnyFrame, place: Place) -> list[Seen]:
        """Return the faces about a place."""
        height, width = picture.shape
        half = _AROUND * place.side / 2
        cell = _CELL_PX / _STEP ** round(math.log(place.side / _WINDOW_PX, 1 / _STEP))
        left, top = (max(0, round((edge - half) // cell * cell)) for edge in (place.x, place.y))
        right, bottom = min(width, round(place.x + half)), min(height, round(place.y + half))
        if right - left < 2 or bottom - top < 2:
            return []
        steps = math.floor(math.log(place.side / _FACE_PX, 1 / _STEP)) if place.side > _FACE_PX else 0
        return self._in(picture, (left, top, right, bottom), _STEP**steps)

    def _in(self, picture: AnyFrame, region: Region, scale: float) -> list[Seen]:
        left, top, right, bottom = region
        grey = getattr(self._detector, "grey", False)
        pixels = picture.luma[top:bottom, left:right] if grey else picture.rgb(region)
        pixels = _scaled(pixels, scale)
        unit = np.array([(right - left) / pixels.shape[1], (bottom - top) / pixels.shape[0]])
        return [_placed(one, self._eyes_of(pixels, one), unit, (left, top)) for one in self._detector(pixels)]

    def _eyes_of(self, pixels: np.ndarray, found: Detection) -> Eyes | None:
        """Return the eyes that a detection brings itself, or else those found by another."""
        if found.landmarks is not None:
            return found.landmarks[:2]
        return self._eyes(pixels, found) if self._eyes is not None else None


def _scaled(pixels: np.ndarray, scale: float) -> np.ndarray:
    pixels = np.ascontiguousarray(pixels)
    if scale == 1:
        return pixels
    height, width = (max(1, round(scale * size)) for size in pixels.shape[:2])
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def _placed(found: Detection, eyes: Eyes | None, unit: np.ndarray, corner: tuple[int, int]) -> Seen:
    """Return a face of a part of the picture where it lies in the whole."""
    left, top, right, bottom = (np.reshape(found.box, (2, 2)) * unit + corner).ravel().tolist()
    placed: Any = None if eyes is None else tuple(map(tuple, (np.array(eyes) * unit + corner).tolist()))
    return Seen((left, top, right, bottom), found.score, placed)
