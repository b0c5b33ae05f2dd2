"""efficientnet: EfficientNet-Lite0 on the tracked face, Tan and Le 2019, section 4 and Table 1.

None of the three papers has it: it is an image network that anyone can have, where the published files of AlexNet and
VGG cannot be had. Weights: `fetch_weights@efficientnet` (efficientnet_lite0, trained on ImageNet). Output: (T, 1280)
float16, one row per taken video frame, without unit, 0 to 6; rows without a face are NaN and masked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.core.weights_file import load_state, load_weights
from pipeline.features.extractors._faces import rows_of_faces
from pipeline.networks.efficientnet_lite import COLUMNS, INPUT_PX, EfficientNetLite, normalised

INPUT = "square100"


class Params(Settings):
    """How many frames go through the network."""

    every: int = Field(1, ge=1, description="take every n-th frame of the video")


class Extractor:
    """The network up to the averages of its last convolution; one face at a time: no neighbour changes a bit."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("efficientnet needs the weights that `dvc repro fetch_weights@efficientnet` fetches")
        loaded = load_weights(weights)
        self.source_speakers = loaded.config["speakers"]
        self.params = params
        self.network = load_state(EfficientNetLite(), loaded, weights)
        told: dict[str, Any] = {"params": params.model_dump(), **loaded.told}
        self.meta = FeatureMeta("efficientnet", COLUMNS, "float16", layer=f"averages ({COLUMNS})", **told)

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (T, 1280) for tracked faces, block by block."""
        return rows_of_faces(faces, self.params.every, self.meta, self._rows)

    @torch.inference_mode()
    def _rows(self, crops: np.ndarray) -> np.ndarray:
        large = [cv2.resize(crop, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_CUBIC) for crop in crops]
        pictures = torch.from_numpy(np.stack(large)).permute(0, 3, 1, 2)
        found: np.ndarray = self.network.features(normalised(pictures)).numpy()
        return found
