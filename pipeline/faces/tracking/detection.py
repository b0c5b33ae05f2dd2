"""Ask a detector for faces, in a whole picture or where one is expected, and for their eyes.

Where the detector does not look for eyes, dlib's 5-point predictor may: V. Kazemi, J. Sullivan, "One millisecond face
alignment with an ensemble of regression trees", CVPR 2014, as trained by D. King. Weights: `fetch_weights@landmarks`
(dlib_landmarks_5). It gives the corners of the eyes and the nose; an eye's centre is the middle between its corners.
"""

import math
from collections.abc import Callable
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import dlib
import numpy as np

from pipeline.core.errors import WeightsError
from pipeline.core.weights_file import load_published
from pipeline.faces.boxes import Detection, Eyes, FaceDetector
from pipeline.faces.small import fold_for, folds, resized
from pipeline.faces.tracking.patch import Place
from pipeline.faces.tracking.tracklet import Seen
from pipeline.media.frame import VideoFrame
from pipeline.media.yuv import Region

_AROUND = 1.8  # side of the square that is looked at over that of the expected face
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

    def everywhere(self, picture: VideoFrame, small: bool = False) -> list[Seen]:
        """Return the faces of a whole picture; where there is none, also those too `small` for the detector."""
        height, width = picture.shape
        scales = [1.0, *(folds(self._detector, picture.shape) if small else [])]
        found = (self._in(picture, (0, 0, width, height), scale) for scale in scales)
        return next(filter(None, found), [])

    def near(self, picture: VideoFrame, place: Place) -> list[Seen]:
        """Return the faces about a place."""
        height, width = picture.shape
        half = _AROUND * place.side / 2
        cell = _CELL_PX / _STEP ** round(math.log(place.side / _WINDOW_PX, 1 / _STEP))
        left, top = (max(0, round((edge - half) // cell * cell)) for edge in (place.x, place.y))
        right, bottom = min(width, round(place.x + half)), min(height, round(place.y + half))
        if right - left < 2 or bottom - top < 2:
            return []
        steps = math.floor(math.log(place.side / _FACE_PX, 1 / _STEP)) if place.side > _FACE_PX else 0
        scale = _STEP**steps if steps else fold_for(self._detector, place.side)
        return self._in(picture, (left, top, right, bottom), scale)

    def _in(self, picture: VideoFrame, region: Region, scale: float) -> list[Seen]:
        left, top, right, bottom = region
        grey = getattr(self._detector, "grey", False)
        pixels = np.ascontiguousarray(picture.luma[top:bottom, left:right] if grey else picture.rgb(region))
        if scale != 1:
            pixels = resized(pixels, scale)
        unit = np.array([(right - left) / pixels.shape[1], (bottom - top) / pixels.shape[0]])
        return [_placed(one, self._eyes_of(pixels, one), unit, (left, top)) for one in self._detector(pixels)]

    def _eyes_of(self, pixels: np.ndarray, found: Detection) -> Eyes | None:
        """Return the eyes that a detection brings itself, or else those found by another."""
        if found.landmarks is not None:
            return found.landmarks[:2]
        return self._eyes(pixels, found) if self._eyes is not None else None


def _placed(found: Detection, eyes: Eyes | None, unit: np.ndarray, corner: tuple[int, int]) -> Seen:
    """Return a face of a part of the picture where it lies in the whole."""
    left, top, right, bottom = (np.reshape(found.box, (2, 2)) * unit + corner).ravel().tolist()
    placed: Any = None if eyes is None else tuple(map(tuple, (np.array(eyes) * unit + corner).tolist()))
    return Seen((left, top, right, bottom), found.score, placed)


class Dlib5:
    """Build one per process; without the folder of the predictor, as `fetch_weights` writes it, raises WeightsError."""

    def __init__(self, weights: Path | None) -> None:
        if weights is None:
            command = "dvc repro fetch_weights@landmarks"
            raise WeightsError(f"track_faces.eyes: dlib5 needs the weights that `{command}` fetches")
        published = load_published(weights)
        self.weights, self.origin = published.sha256, published.origin
        self._predictor = dlib.shape_predictor(str(published.files["dlib_landmarks_5"]))

    def __call__(self, pixels: np.ndarray, found: Detection) -> Eyes:
        """Return the eyes of a face that was found in a picture, (H, W) or (H, W, 3) uint8."""
        left, top, right, bottom = (round(edge) for edge in found.box)
        shape = self._predictor(np.ascontiguousarray(pixels), dlib.rectangle(left, top, right - 1, bottom - 1))
        corners = [shape.part(number) for number in range(4)]
        # dlib counts from the middle of the first pixel
        centres = [((a.x + b.x + 1) / 2, (a.y + b.y + 1) / 2) for a, b in (corners[:2], corners[2:])]
        left_eye, right_eye = sorted(centres, key=itemgetter(0))
        return left_eye, right_eye


@cache
def eye_finder(name: str, weights: Path | None) -> Dlib5 | None:
    """Return what finds the eyes, built once per process; None where the detector does."""
    return Dlib5(weights) if name == "dlib5" else None
