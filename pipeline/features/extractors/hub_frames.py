"""hub_frames: an encoder of pictures of a hub on the tracked face: ViT (Dosovitskiy et al. 2021, section 3.1), CLIP or
DINOv2 (papers in pipeline/networks/hub.py).

None of the three papers has them. Weights: `fetch_weights@<block>`, an entry of kind `hub`; size, mean and deviation
are those of its own preprocessor_config.json, applied by transformers' own image processor. Output: (T, D) float32, one
row per taken video frame, without unit; rows without a face are NaN and masked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from pipeline.core.store import ClipFeatures, ClipReader
from pipeline.features.extractors._faces import rows_of_faces
from pipeline.features.extractors._hub import LayerParams, encoder, image_processor, meta_of

INPUT = "square100"


class Params(LayerParams):
    """Layers, what of a picture's tokens, and how many frames go through the network."""

    pool: Literal["cls", "mean"] = Field("cls", description="token of the class, or mean over those of the patches")
    every: int = Field(1, ge=1, description="take every n-th frame of the video")


class Extractor:
    """The encoder up to its layers; one face at a time: no neighbour changes a bit."""

    def __init__(self, params: Params, weights: Path | None) -> None:
        self.network, published = encoder("hub_frames", "extract_face", params, weights, params.pool)
        self.source_speakers: list[str] = []
        self.params = params
        self._prepare = image_processor(Path(weights or ""))
        self.meta = meta_of(self.network, published, params, "hub_frames")

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (T, D) for tracked faces, block by block."""
        return rows_of_faces(faces, self.params.every, self.meta, self._rows)

    @torch.inference_mode()
    def _rows(self, crops: np.ndarray) -> np.ndarray:
        return np.stack([self.network.features(self._prepare([crop])).numpy() for crop in crops])
