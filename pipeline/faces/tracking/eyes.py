"""Find the eyes of a detected face: dlib's 5-point predictor.

Source: V. Kazemi, J. Sullivan, "One millisecond face alignment with an ensemble of regression trees", CVPR 2014, as
trained by D. King. Weights: `fetch_weights@landmarks` (dlib_landmarks_5). It gives the corners of the eyes and the
nose; an eye's centre is the middle between its corners.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import dlib
import numpy as np

from pipeline.core.errors import WeightsError
from pipeline.core.weights_file import load_published
from pipeline.faces.boxes import Detection, Eyes


class Dlib5:
    """Build one per process; `weights` is the folder of the predictor, as `fetch_weights` writes it, or None.

    Raises:
        WeightsError: there is none
    """

    def __init__(self, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError(
                "track_faces.eyes: dlib5 needs the weights that `dvc repro fetch_weights@landmarks` fetches"
            )
        published = load_published(weights)
        self.weights, self.origin = published.sha256, published.origin
        self._predictor = dlib.shape_predictor(str(published.files["dlib_landmarks_5"]))

    def __call__(self, pixels: np.ndarray, found: Detection) -> Eyes:
        """Return the eyes of a face that was found in a picture, (H, W) or (H, W, 3) uint8."""
        left, top, right, bottom = (round(edge) for edge in found.box)
        shape = self._predictor(np.ascontiguousarray(pixels), dlib.rectangle(left, top, right - 1, bottom - 1))
        x = [shape.part(number).x + 0.5 for number in range(4)]  # dlib counts from the middle of the first pixel
        y = [shape.part(number).y + 0.5 for number in range(4)]
        one, other = ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2), ((x[2] + x[3]) / 2, (y[2] + y[3]) / 2)
        return (one, other) if one[0] <= other[0] else (other, one)


@cache
def eye_finder(name: str, weights: Path | None) -> Dlib5 | None:
    """Return what finds the eyes, built once per process; None where the detector does."""
    return Dlib5(weights) if name == "dlib5" else None
