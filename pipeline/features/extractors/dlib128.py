"""dlib128: dlib's published face recognition ResNet on the tracked face; for pool5 of Huang et al. 2017, section 3.2.

Not in the paper: it stands beside pool5 as a network that was really pre-trained on about 3 million faces of others and
that anyone can have. Weights: `fetch_weights@dlib128` (King 2017, dlib_face_recognition and dlib_landmarks_5). Output:
(T, 128) float32, one row per taken video frame, without unit: an embedding in which a distance of 0.6 parts two people.
Rows without a face are NaN and masked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlib
import numpy as np
from pydantic import Field

from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.core.weights_file import load_published
from pipeline.features.extractors._faces import rows_of_faces

INPUT = "square100"
CHIP_PX = 150
PADDING = 0.25
"""What dlib's network was trained on: chips of 150 px, eyes levelled, a quarter of the face around it."""


class Params(Settings):
    """How many frames go through the network, and where in the crop the face lies."""

    every: int = Field(1, ge=1, description="take every n-th frame of the video")
    margin: float = Field(
        1.2, ge=1, description="side of the crop over the longer side of the box; equal to that of the crops"
    )


class Extractor:
    """dlib's 5-point predictor and its ResNet-29."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("dlib128 needs the weights that `dvc repro fetch_weights@dlib128` fetches")
        published = load_published(weights)
        self.source_speakers: list[str] = []  # published without names: the guard has nothing to compare
        self.params = params
        self.landmarks = dlib.shape_predictor(str(published.files["dlib_landmarks_5"]))
        self.network = dlib.face_recognition_model_v1(str(published.files["dlib_face_recognition"]))
        told: dict[str, Any] = {"params": params.model_dump(), "weights": published.sha256, "origin": published.origin}
        self.meta = FeatureMeta("dlib128", 128, "float32", layer="descriptor (128)", **told)

    def check_input(self, meta: FeatureMeta) -> None:
        """Refuse crops whose face lies elsewhere than the settings say."""
        margin = meta.params.get("margin", self.params.margin)
        if margin != self.params.margin:
            raise SettingsError(
                f"params.yaml: extract_face.dlib128.margin is {self.params.margin}, but the faces were cut with "
                f"crop_faces.{meta.feature}.margin {margin}; make both equal"
            )

    def align(self, crop: np.ndarray) -> np.ndarray:
        """Return the face of a crop (H, W, 3) uint8 RGB with level eyes, (150, 150, 3) uint8."""
        crop = np.ascontiguousarray(crop)
        side = crop.shape[0] / self.params.margin
        first = round((crop.shape[0] - side) / 2)
        box = dlib.rectangle(first, first, round(first + side), round(first + side))
        return dlib.get_face_chip(crop, self.landmarks(crop, box), CHIP_PX, PADDING)

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (T, 128) for tracked faces, block by block."""
        return rows_of_faces(faces, self.params.every, self.meta, self._row)

    def _row(self, crops: np.ndarray) -> np.ndarray:
        # one at a time: dlib's batches hold all their activations in memory
        return np.array(self.network.compute_face_descriptor(self.align(crops[0])))[None]
