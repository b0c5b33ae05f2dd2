"""What features by a graph of TensorFlow.js share: one row per taken face, which goes through the network alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import WeightsError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.core.weights_file import load_state, load_weights
from pipeline.features.extractors._faces import rows_of_faces
from pipeline.networks.tfjs_graph import TfjsGraph


class GraphParams(Settings):
    """How many frames go through the network."""

    every: int = Field(1, ge=1, description="take every n-th frame of the video")


class FaceGraph:
    """A graph on the tracked face; `name` is the feature, `columns` says what its values are or how many."""

    def __init__(self, name: str, columns: int | tuple[str, ...], params: GraphParams, weights: Path | None) -> None:
        if weights is None:
            raise WeightsError(f"{name} needs the weights that `dvc repro fetch_weights@{name}` fetches")
        loaded = load_weights(weights)
        self.source_speakers = loaded.config["speakers"]
        self.params = params
        self.network = load_state(TfjsGraph(**loaded.config["network"]), loaded, weights)
        width, named = (columns, ()) if isinstance(columns, int) else (len(columns), columns)
        if (found := self._rows(np.zeros((1, *self.network.size[:2], 3), np.uint8)).shape[1]) != width:
            raise WeightsError(f"{weights}: these weights are for another network: {found} columns, not {width}")
        layer = "" if named else f"{self.network.output} ({width})"
        told: dict[str, Any] = {"params": params.model_dump(), **loaded.told}
        self.meta = FeatureMeta(name, width, "float32", columns=named, layer=layer, **told)

    def __call__(self, faces: ClipFeatures | ClipReader) -> Iterator[ClipFeatures]:
        """Yield (T, D) for tracked faces, block by block."""
        return rows_of_faces(faces, self.params.every, self.meta, self._rows)

    @torch.inference_mode()
    def _rows(self, crops: np.ndarray) -> np.ndarray:
        found: np.ndarray = self.network.features(torch.from_numpy(crops)).numpy()
        return found
