"""landmarks68: 68 points of the face at apex and their change since onset, Kazemi and Sullivan 2014, section 2.

None of the three papers has it. By dlib's shape predictor on crops of the tracked face, in whole px; then freed of
place, size and tilt (a similarity) by ten points that expressions hardly move, the nose without its tip and the corners
of the eyes. Onset and apex by the energy of motion of these points (`pipeline/features/apex.py`). Weights:
`fetch_weights@landmarks68` (King, dlib_landmarks_68; its training data, iBUG 300-W, exclude commercial use). Output:
(T, 272) float32, one row per clip, x to the right and y down, in root mean square distances of the ten points from
their centre: 136 at the apex, then their change since the onset.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from pydantic import Field

from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.core.weights_file import load_published
from pipeline.features.apex import ApexParams, at_apex
from pipeline.features.extractors._faces import observed_crops

INPUT = "square100"
POINTS = 68
STEADY = (27, 28, 29, 30, 31, 35, 36, 39, 42, 45)
"""Bridge and wings of the nose, corners of the eyes. On 143 real clips they served better than the eyes' centres, which
lids and brows move: 0.74 against 0.71 of clips right (linear SVM on the apex, C 0.01, each pair of training speakers
validated on a third).
"""
LEFT_EYE, RIGHT_EYE = (36, 39), (42, 45)
"""Corners of each eye, the one on the left of the picture first."""
COLUMNS = tuple(f"{axis}{point}" for point in range(POINTS) for axis in "xy")


class Params(ApexParams):
    """Where in the crop the face lies, and how much is smoothed."""

    margin: float = Field(
        1.2, ge=1, description="side of the crop over the longer side of the box; equal to that of the crops"
    )


def normalised(points: np.ndarray) -> np.ndarray:
    """Return points (68, 2), x and y px, with the centre of the ten steady ones at 0, their root mean square distance
    from it 1, and the line between the eyes level.

    Raises:
        ClipError: no_face, both eyes in one place
    """
    along = points[list(RIGHT_EYE)].mean(axis=0) - points[list(LEFT_EYE)].mean(axis=0)
    if not along.any():
        raise ClipError("no_face", "the landmarks of both eyes lie in one place")
    steady = points[list(STEADY)]
    centre = steady.mean(axis=0)
    size = np.sqrt(((steady - centre) ** 2).sum(axis=1).mean())
    x, y = along / (np.hypot(*along) * size)
    return (points - centre) @ np.array([[x, -y], [y, x]])


class Extractor:
    """dlib's 68-point predictor."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("landmarks68 needs the weights that `dvc repro fetch_weights@landmarks68` fetches")
        published = load_published(weights)
        self.source_speakers: list[str] = []  # published without names: the guard has nothing to compare
        self.params = params
        self.predictor = dlib.shape_predictor(str(published.files["dlib_landmarks_68"]))
        told: dict[str, Any] = {"params": params.model_dump(), "weights": published.sha256, "origin": published.origin}
        columns = tuple(f"{part}_{name}" for part in params.parts for name in COLUMNS)
        self.meta = FeatureMeta("landmarks68", len(columns), "float32", columns=columns, **told)

    def check_input(self, meta: FeatureMeta) -> None:
        """Refuse crops whose face lies elsewhere than the settings say."""
        margin = meta.params.get("margin", self.params.margin)
        if margin != self.params.margin:
            raise SettingsError(
                f"params.yaml: extract_face.landmarks68.margin is {self.params.margin}, but the faces were cut with "
                f"crop_faces.{meta.feature}.margin {margin}; make both equal"
            )

    def points(self, crop: np.ndarray) -> np.ndarray:
        """Return (68, 2), x and y px, of a crop (H, W, 3) uint8 RGB."""
        crop = np.ascontiguousarray(crop)
        side = crop.shape[0] / self.params.margin
        first = round((crop.shape[0] - side) / 2)
        box = dlib.rectangle(first, first, round(first + side), round(first + side))
        return np.array([(point.x, point.y) for point in self.predictor(crop, box).parts()], np.float64)

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (1, 272) for tracked faces, which are read block by block."""
        rows = (normalised(self.points(crop)).ravel() for crop in observed_crops(faces))
        return at_apex(rows, faces.times[faces.mask], self.params)
