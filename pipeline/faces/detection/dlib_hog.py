"""Frontal faces by histograms of oriented gradients: dlib's `get_frontal_face_detector`.

Source: N. Dalal, B. Triggs, "Histograms of oriented gradients for human detection", CVPR 2005; D. E. King,
"Dlib-ml: a machine learning toolkit", JMLR 10, 2009. The weights are part of the dlib package (Boost licence).

Output: one box per face, (left, top, right, bottom) px, and the score of the linear classifier, without unit: above 0
by default, about 1 to 3 for a clear frontal face. Faces below about 80 px are found with `upsample: 1` only.

`eyes` was measured with dlib's 68-point predictor, an eye's centre being the mean of its six points, on 790 real faces
of four kinds (429, 90, 30 and 241 faces). Medians: left eye (0.282, 0.291), right eye (0.702, 0.285); made symmetric,
as for a picture and its mirror image. From face to face the 10th and 90th percentile lie 0.05 away on either side, in x
and y, and the kinds' medians 0.03; on 336 generated faces the medians are (0.269, 0.236) and (0.723, 0.261).
"""

from pathlib import Path

import dlib
import numpy as np
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.faces.boxes import Detection, Eyes

_WINDOW_PX = 73
"""Side of the smallest box of dlib's in a picture that is not doubled."""


class Params(Settings):
    """Settings of the detector."""

    upsample: int = Field(0, ge=0, le=3, description="how often the picture is doubled; each time costs 4 x the time")
    threshold: float = Field(0.0, ge=-1.0, le=5.0, description="score above which a window counts as a face")


class Detector:
    """Build one per process: dlib's object is not safe to share between threads."""

    eyes: Eyes = ((0.29, 0.285), (0.71, 0.285))
    grey = True
    weights = origin = ""  # part of the package

    def __init__(self, params: Params, weights: Path | None = None) -> None:  # noqa: ARG002  as all detectors
        self.params = params
        self.least_px = _WINDOW_PX / 2**params.upsample
        self._detector = dlib.get_frontal_face_detector()

    def __call__(self, rgb: np.ndarray) -> list[Detection]:
        """Return the faces of a picture, (H, W, 3) uint8 or (H, W) grey, for which the features are made, best first;
        boxes may reach beyond its borders.
        """
        params = self.params
        rectangles, scores, _ = self._detector.run(np.ascontiguousarray(rgb), params.upsample, params.threshold)
        # dlib counts the last row and column in; our boxes are edges
        boxes = [(float(r.left()), float(r.top()), r.right() + 1.0, r.bottom() + 1.0) for r in rectangles]
        found = [Detection(box, float(score)) for box, score in zip(boxes, scores, strict=True)]
        return sorted(found, key=lambda d: (-d.score, d.box))
