"""pool5: 5th pooling layer of an identity CNN on the tracked face, Huang et al. 2017, section 3.2 and Fig. 4.

Paper: 9216 values per face of 100x100. Weights: `pretrain@pool5`, trained in this pipeline on face identities.
Output: (T, 9216) float16, one row per video frame, without unit; rows without a face are NaN and masked.
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
from pipeline.networks.face_cnn import INPUT_PX, POOL5, FaceCNN, normalise_faces

INPUT = "square100"


class Params(Settings):
    """How many frames go through the network."""

    every: int = Field(1, ge=1, description="take every n-th frame of the video")
    batch: int = Field(32, ge=1, description="faces per forward pass; fixed, so that results do not depend on workers")


def to_tensor(crops: np.ndarray) -> torch.Tensor:
    """Return normalised faces (B, 3, 100, 100) for crops (B, H, W, 3) uint8 RGB."""
    if crops.shape[1:3] != (INPUT_PX, INPUT_PX):
        crops = np.stack([cv2.resize(c, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA) for c in crops])
    return normalise_faces(torch.from_numpy(crops).permute(0, 3, 1, 2))


class Extractor:
    """The trained identity CNN up to pool5."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError("pool5 needs the weights that `dvc repro pretrain@pool5` trains")
        loaded = load_weights(weights)
        self.source_speakers = loaded.config["speakers"]
        self.source_files = loaded.config.get("files", ())
        self.params = params
        self.network = load_state(FaceCNN(**loaded.config["network"]), loaded, weights)
        layer = f"pool5 (256, 6, 6), network width {loaded.config['network']['width']:g}"
        told: dict[str, Any] = {"params": params.model_dump(), **loaded.told}
        self.meta = FeatureMeta("pool5", POOL5, "float16", layer=layer, **told)

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (T, 9216) for tracked faces, block by block."""
        return rows_of_faces(faces, self.params.every, self.meta, self._rows, self.params.batch)

    @torch.inference_mode()
    def _rows(self, crops: np.ndarray) -> np.ndarray:
        return self.network.features(to_tensor(crops)).numpy()
