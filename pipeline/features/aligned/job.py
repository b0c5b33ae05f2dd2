"""Features of the aligned faces of a clip by a pre-trained network: all its layers of one pass, side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, SettingsError
from pipeline.core.pretrained_plugin import PluginModel
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.engine.code_digest import code_digest
from pipeline.features.aligned.network_crop import cut
from pipeline.features.observed import spread
from pipeline.features.pretrained import with_weights
from pipeline.media.frame_sampling import filled
from pipeline.training.place import CPU, Place

FRAMES = 16
LARGEST = float(np.finfo(np.float16).max)
"""Values are kept as float16; what is beyond 65504 is kept as that."""


class ClipFeatureParams(Settings):
    """`clip_features.<feature>`."""

    network: str = Field(min_length=1, description="plugin in pipeline/features/aligned/networks")
    settings: Mapping[str, Any] = Field({}, description="the plugin's own settings")
    batch: int = Field(
        16, ge=1, description="frames per forward pass; of one clip, so that results do not depend on others"
    )


class ClipModel(PluginModel):
    """A plugin of pipeline/features/aligned/networks with its settings and weights."""

    KIND = "clip_networks"

    def network(self) -> nn.Module:
        """Return the network with its pre-trained weights, in evaluation mode; see `with_weights`."""
        weights = self.loaded()
        module = self.plugin.network(self.params, weights.config["network"])
        return with_weights(module, self.name, weights, self.weights)

    def prepared(self, faces: np.ndarray) -> torch.Tensor:
        """Return what the network takes of aligned faces (T, px, px, 3) uint8: the middle window."""
        return self.plugin.prepare(self.params, cut(torch.from_numpy(faces), self.plugin.WINDOW)[None])


@dataclass(frozen=True)
class ClipFeatureJob:
    """The network's layers on one clip; see `pipeline.engine.run.Job`.

    A picture network gives a row per frame, NaN where no face was found; a clip network one row, for which such frames
    take the nearest with a face. `source` is a feature file of aligned faces; `place` is where the
    network is applied.
    """

    feature: str
    model: ClipModel
    batch: int
    source: Path
    place: Place = CPU

    @classmethod
    def of(
        cls,
        feature: str,
        params: ClipFeatureParams,
        weights: Path,
        source: Path,
        place: Place = CPU,
    ) -> Self:
        """Return the job of one feature; SettingsError for a wrong setting, or one that leaves weights at random."""
        key = f"clip_features.{feature}"
        model = ClipModel.of(params.network, params.settings, weights, key)
        if new := getattr(_network(model), "renewed", ()):
            raise SettingsError(
                f"params.yaml: {key}.settings leave {new[0]} at random; choose the size or fc6 that the weights have"
            )
        return cls(feature, model, params.batch, source, place)

    @property
    def stage(self) -> str:
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        return code_digest(self.model.code, "pipeline.features.aligned.job")

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        return {
            "stage": self.stage,
            "input": opened(self.source).digest(clip.clip_id, ("crops", "mask", "times")),
            "code": self.version,
            "params": [self.model.name, self.model.settings, self.batch],
            "weights": self.model.loaded().sha256,
            **self.place.parts,
        }

    def load(self, clip: Clip) -> ClipFeatures:
        return opened(self.source).read(clip.clip_id, names=("crops",))  # sixteen frames, however long the clip

    def compute(self, clip: Clip, loaded: ClipFeatures, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        crops, mask = loaded.extra["crops"], loaded.mask
        if not mask.any():
            raise ClipError("no_face", f"in none of {len(mask)} frames")
        if self.model.plugin.HEAD == "linear":
            rows, _ = self._layers(self.model.prepared(crops[filled(mask)]))
            yield ClipFeatures(rows, loaded.times.mean(keepdims=True), np.ones(1, bool))
            return
        seen, starts = crops[mask], range(0, mask.sum(), self.batch)
        batches = (self._layers(self.model.prepared(seen[at : at + self.batch]))[0] for at in starts)
        yield from spread(chain.from_iterable(batches), loaded.times, mask, np.float16)

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file."""
        rows, shapes = self._layers(self.model.prepared(np.zeros((FRAMES, 128, 128, 3), np.uint8)))
        weights = self.model.loaded()
        return FeatureMeta(
            feature=self.feature,
            dimension=rows.shape[1],
            dtype="float16",
            layers=tuple(zip(self.model.plugin.LAYERS, shapes, strict=True)),
            version=self.version,
            params={"network": self.model.name, **self.model.params.model_dump(mode="json"), "batch": self.batch},
            **weights.told,
        )

    @torch.inference_mode()
    def _layers(self, inputs: torch.Tensor) -> tuple[np.ndarray, list[tuple[int, ...]]]:
        """Return the rows of one clip, (T, D) float16, layers side by side, and the shape of each layer."""
        layers = _network(self.model, self.place).layers(inputs)
        flat = torch.cat([layer[0].flatten(1) for layer in layers], dim=1)
        return flat.clamp(-LARGEST, LARGEST).numpy().astype(np.float16), [tuple(layer.shape[2:]) for layer in layers]


@cache
def _network(model: ClipModel, place: Place = CPU) -> Any:
    return place.holding(model.network())
