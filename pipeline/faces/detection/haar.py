"""Frontal faces by a boosted cascade of Haar-like features: OpenCV's `haarcascade_frontalface_default.xml`.

Source: P. Viola, M. Jones, "Robust real-time face detection", IJCV 57, 2004, the detector of Zhang et al. 2017,
section III.A.2; this cascade is R. Lienhart's, 24x24 px, found in the installed package. OpenCV 4 carries it; OpenCV 5
has moved the classifier into its contrib package and carries no cascade.

Output: one square box per face, (left, top, right, bottom) px, and the weight of the cascade's last stage, without
unit; larger is surer.

`eyes`: medians over 750 real faces (three frames of each of 143 clips, 120 more of CREMA-D and RAVDESS, 202 still
pictures), where dlib's 68-point predictor saw the eye centres: left (0.312, 0.407), right (0.682, 0.404); 80 % lie
within about 0.025 of them.
"""

from pathlib import Path

import cv2
import cv2.data
import numpy as np
from pydantic import Field

from pipeline.core.errors import WeightsError
from pipeline.core.settings import Settings
from pipeline.faces.boxes import Detection, Eyes

CASCADE = "haarcascade_frontalface_default.xml"


class Params(Settings):
    """Settings of the detector."""

    scale_factor: float = Field(1.1, gt=1.0, le=2.0, description="from one size of the window to the next")
    min_neighbours: int = Field(
        5, ge=1, le=50, description="overlapping windows that make a face; more = fewer, surer faces"
    )
    min_size: float = Field(0.15, ge=0, le=1, description="smallest face over the shorter side of the picture")
    equalise: bool = Field(True, description="spread the grey levels of the picture before detecting")


class Detector:
    """Build one per process; where the installed OpenCV has no cascade, a WeightsError is raised."""

    eyes: Eyes = ((0.312, 0.405), (0.682, 0.405))
    grey = True
    least_px = 24  # of the cascade's window
    weights = origin = ""  # part of the package

    def __init__(self, params: Params, weights: Path | None = None) -> None:  # noqa: ARG002  as all detectors
        self.params = params
        classifier = getattr(cv2, "CascadeClassifier", None)
        path = Path(cv2.data.haarcascades) / CASCADE
        if classifier is None or not path.is_file():
            lacks = f"has no {CASCADE}" if classifier else "has no cascade classifier"
            raise WeightsError(
                "params.yaml: track_faces.detector or align_faces.detector: haar needs OpenCV 4, and the "
                f"installed OpenCV {cv2.__version__} {lacks}; "
                "run `pip install 'opencv-python-headless<5'`, or take dlib_hog"
            )
        self._cascade = classifier(str(path))

    def __call__(self, rgb: np.ndarray) -> list[Detection]:
        """Return the faces of a picture, (H, W, 3) uint8 or (H, W) grey, best first."""
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY) if rgb.ndim == 3 else rgb
        if self.params.equalise:
            grey = cv2.equalizeHist(grey)
        smallest = max(1, round(self.params.min_size * min(grey.shape)))
        rectangles, _, weights = self._cascade.detectMultiScale3(
            grey,
            scaleFactor=self.params.scale_factor,
            minNeighbors=self.params.min_neighbours,
            minSize=(smallest, smallest),
            outputRejectLevels=True,  # otherwise there are no weights
        )
        boxes = [(x, y, x + w, y + h) for x, y, w, h in np.reshape(rectangles, (-1, 4)).astype(float).tolist()]
        found = [Detection(box, float(weight)) for box, weight in zip(boxes, np.ravel(weights), strict=True)]
        return sorted(found, key=lambda d: (-d.score, d.box))
