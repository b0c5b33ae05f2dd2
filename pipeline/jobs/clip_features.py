"""Features of the aligned faces of a clip by a pre-trained network: all its layers of one pass, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.clip_networks import with_weights
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.clipcache import cache_key
from pipeline.core.code import code_digest
from pipeline.core.errors import ClipError, SettingsError
from pipeline.core.files import canonical_json
from pipeline.core.settings import Settings, parse
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.faces.cut import filled
from pipeline.faces.windows import cut
from pipeline.weights.files import Weights, load_weights

FRAMES = 16
LARGEST = float(np.finfo(np.float16).max)
"""Values are kept as float16; what is beyond 65504 is kept as that."""
_BLANK_PX = 128


class ClipFeatureParams(Settings):
    """`clip_features.<feature>`."""

    network: str = Field(min_length=1, description="plugin in pipeline/clip_networks")
    settings: Mapping[str, Any] = Field({}, description="the plugin's own settings")
    batch: int = Field(
        16, ge=1, description="frames per forward pass; of one clip, so that results do not depend on others"
    )


@dataclass(frozen=True)
class ClipModel:
    """A plugin of pipeline/clip_networks with its settings and weights; travels to worker processes as three values.

    Args:
        name: of the plugin
        settings: its settings as canonical JSON
        weights: folder of the pre-trained network
    """

    name: str
    settings: str
    weights: Path

    @classmethod
    def of(cls, name: str, settings: Mapping[str, Any], weights: Path, place: str) -> ClipModel:
        """Return a plugin's model, its settings checked and complete; `place` is their key in params.yaml.

        Raises:
            SettingsError: no such plugin, or a wrong setting
        """
        plugin = plugins.load("clip_networks", name, f"{place}.network")
        checked = parse(plugin.Params, settings, f"params.yaml: {place}.settings")
        return cls(name, canonical_json(checked.model_dump(mode="json")), weights)

    @property
    def plugin(self) -> ModuleType:
        """The plugin's module."""
        return plugins.load("clip_networks", self.name)

    @property
    def params(self) -> Any:
        """The plugin's settings."""
        return self.plugin.Params.model_validate_json(self.settings)

    @property
    def code(self) -> str:
        """Dotted name of the plugin's module."""
        return plugins.module_name("clip_networks", self.name)

    def loaded(self) -> Weights:
        """Return the pre-trained weights, checked by their digest when this process first asks for them."""
        return _loaded(self.weights)

    def network(self) -> nn.Module:
        """Return the network with its pre-trained weights, in evaluation mode.

        Raises:
            WeightsError: they do not fit it
        """
        weights = self.loaded()
        return with_weights(self.plugin.network(self.params, weights.config["network"]), weights, self.weights)

    def prepared(self, faces: np.ndarray) -> torch.Tensor:
        """Return what the network takes, for aligned faces (T, px, px, 3) uint8: the middle window of all."""
        return self.plugin.prepare(self.params, cut(torch.from_numpy(faces), self.plugin.WINDOW)[None])


@dataclass(frozen=True)
class ClipFeatureJob:
    """The network's layers on one clip; see `pipeline.engine.Job`.

    A picture network gives a row per frame, NaN where no face was found; a clip network one row, for which such frames
    take the nearest with a face.

    Args:
        feature: its name
        model: the network
        batch: frames per forward pass of a picture network
        source: feature file of aligned faces
    """

    feature: str
    model: ClipModel
    batch: int
    source: Path

    @classmethod
    def of(cls, feature: str, params: ClipFeatureParams, weights: Path, source: Path) -> ClipFeatureJob:
        """Return the job of one feature, its settings checked.

        Raises:
            SettingsError: no such plugin, a wrong setting, or one that leaves weights at random
            WeightsError: they do not fit the network
        """
        place = f"clip_features.{feature}"
        model = ClipModel.of(params.network, params.settings, weights, place)
        if new := _network(model).renewed:
            raise SettingsError(
                f"params.yaml: {place}.settings leave {new[0]} at random; choose the size or fc6 that the weights have"
            )
        return cls(feature, model, params.batch, source)

    @property
    def stage(self) -> str:
        """See `pipeline.engine.Job`."""
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        """Digest of the code."""
        return code_digest(self.model.code, "pipeline.jobs.clip_features")

    def key(self, clip: Clip) -> str:
        """See `pipeline.engine.Job`."""
        return cache_key(
            stage=self.stage,
            input=self.load(clip).digest(),
            code=self.version,
            params=[self.model.name, self.model.settings, self.batch],
            weights=self.model.loaded().sha256,
        )

    def load(self, clip: Clip) -> ClipFeatures:
        """See `pipeline.engine.Job`."""
        with FeatureFile(self.source) as file:
            return file.read(clip.clip_id, names=("crops",))

    def compute(self, clip: Clip, loaded: ClipFeatures) -> tuple[ClipFeatures, list[str]]:  # noqa: ARG002
        """See `pipeline.engine.Job`."""
        crops, mask = loaded.extra["crops"], loaded.mask
        if not mask.any():
            raise ClipError("no_face", f"in none of {len(mask)} frames")
        if self.model.plugin.HEAD == "linear":
            rows, _ = self._layers(self.model.prepared(crops[filled(mask)]))
            return ClipFeatures(rows, loaded.times.mean(keepdims=True), np.ones(1, bool)), []
        seen, starts = crops[mask], range(0, mask.sum(), self.batch)
        rows = np.concatenate([self._layers(self.model.prepared(seen[at : at + self.batch]))[0] for at in starts])
        values = np.full((len(mask), rows.shape[1]), np.nan, np.float16)
        values[mask] = rows
        return ClipFeatures(values, loaded.times, mask), []

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file."""
        rows, shapes = self._layers(self.model.prepared(np.zeros((FRAMES, _BLANK_PX, _BLANK_PX, 3), np.uint8)))
        weights = self.model.loaded()
        return FeatureMeta(
            feature=self.feature,
            dimension=rows.shape[1],
            dtype="float16",
            layers=tuple(zip(self.model.plugin.LAYERS, shapes, strict=True)),
            version=self.version,
            params={"network": self.model.name, **self.model.params.model_dump(mode="json"), "batch": self.batch},
            weights=weights.sha256,
            origin=weights.origin,
        )

    @torch.inference_mode()
    def _layers(self, inputs: torch.Tensor) -> tuple[np.ndarray, list[tuple[int, ...]]]:
        """Return the rows of one clip, (T, D) float16, layers side by side, and the shape of each layer."""
        layers = _network(self.model).layers(inputs)
        flat = torch.cat([layer[0].flatten(1) for layer in layers], dim=1)
        return flat.clamp(-LARGEST, LARGEST).numpy().astype(np.float16), [tuple(layer.shape[2:]) for layer in layers]


@cache
def _network(model: ClipModel) -> Any:
    return model.network()


@cache
def _loaded(folder: Path) -> Weights:
    return load_weights(folder)
