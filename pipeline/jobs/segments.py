"""Features of segments by a pre-trained network: the network with its weights, and the per-clip job of the original one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.clipcache import cache_key
from pipeline.core.code import code_digest
from pipeline.core.errors import WeightsError
from pipeline.core.files import canonical_json
from pipeline.core.parallel import ahead
from pipeline.core.settings import Settings, parse
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.segment_networks import Windows
from pipeline.source_task import LoopParams
from pipeline.weights.files import Weights, load_weights


class SegmentParams(Settings):
    """`segments_audio.<feature>`, `segments_video.<feature>`."""

    network: str = Field(min_length=1, description="plugin in pipeline/segment_networks")
    settings: Mapping[str, Any] = Field({}, description="the plugin's own settings")
    tune: LoopParams | None = Field(None, description="fine-tuning on each fold's training clips; null = the original network")
    keep: tuple[str, ...] = Field((), description="folds (fold-00, ...) whose fine-tuned weights are kept")


@dataclass(frozen=True)
class Model:
    """A plugin of pipeline/segment_networks with its settings and weights; travels to worker processes as three values.

    Args:
        name: of the plugin
        settings: its settings as canonical JSON
        weights: folder of the pre-trained network
    """

    name: str
    settings: str
    weights: Path

    @classmethod
    def of(cls, params: SegmentParams, weights: Path, place: str) -> Model:
        """Return the model of a feature, its settings checked and complete."""
        plugin = plugins.load("segment_networks", params.network, f"{place}.network")
        settings = parse(plugin.Params, params.settings, f"params.yaml: {place}.settings")
        return cls(params.network, canonical_json(settings.model_dump()), weights)

    @property
    def plugin(self) -> ModuleType:
        """The plugin's module."""
        return plugins.load("segment_networks", self.name)

    @property
    def params(self) -> Any:
        """The plugin's settings."""
        return self.plugin.Params.model_validate_json(self.settings)

    @property
    def code(self) -> str:
        """Dotted name of the plugin's module."""
        return plugins.module_name("segment_networks", self.name)

    def segments(self) -> Any:
        """Return what cuts a clip into windows."""
        return self.plugin.Segments(self.params)

    def loaded(self) -> Weights:
        """Return the pre-trained weights, checked by their digest when this process first asks for them."""
        return _loaded(self)

    def network(self, classes: int = 1) -> nn.Module:
        """Return the network with its pre-trained weights and a new last layer, in evaluation mode.

        Raises:
            WeightsError: a weight other than the last layer's, and those that the plugin renews, is missing or misshapen
        """
        module, loaded = self.plugin.network(self.params, (weights := self.loaded()).config["network"], classes), weights.state
        new = {*getattr(module, "renewed", ()), *(f"{self.plugin.LAST}.{kind}" for kind in ("weight", "bias"))}
        own = module.state_dict()
        unfit = sorted(name for name in set(own) - new if name not in loaded or loaded[name].shape != own[name].shape)
        unknown = sorted(set(loaded) - set(own) - new)
        if unfit or unknown:
            raise WeightsError(
                f"{self.weights}: these weights do not fit {self.name} with its settings: {', '.join([*unfit, *unknown][:3])}; "
                "retrain or fetch them, or mend the settings"
            )
        module.load_state_dict({**own, **{name: loaded[name] for name in set(own) - new}})
        return module.eval()

    def meta(self, feature: str, dimension: int, version: str, origin: str) -> FeatureMeta:
        """Return the attributes of the feature file."""
        windows = self.params.windows
        return FeatureMeta(
            feature=feature,
            dimension=dimension,
            dtype="float32",
            rate_hz=1000 / (windows.shift * windows.hop_ms),
            layer=f"fc7 of {self.name}, one row per window of {1000 * windows.seconds:g} ms",
            version=version,
            params=self.params.model_dump(mode="json"),
            weights=self.loaded().sha256,
            origin=origin,
        )


def batches(model: Model, windows: Windows) -> Iterator[torch.Tensor]:
    """Yield the observed windows as the network takes them, `batch` at a time, the next ones made ahead."""
    observed, size = np.flatnonzero(windows.mask), model.params.batch
    parts = (windows.inputs[observed[start : start + size]] for start in range(0, len(observed), size))
    return ahead(model.plugin.prepare(torch.from_numpy(part)) for part in parts)


@torch.inference_mode()
def fc7(module: nn.Module, windows: Windows, ready: Iterable[torch.Tensor], device: str = "cpu") -> ClipFeatures:
    """Return the network's feature of every window, (S, D) float32, NaN where the window was not observed.

    Args:
        module: the network
        windows: of one clip
        ready: their `batches`
        device: where the network is
    """
    rows = np.concatenate([module.features(batch.to(device)).cpu().numpy() for batch in ready])  # type: ignore[operator]
    values = np.full((len(windows.mask), rows.shape[1]), np.nan, np.float32)
    values[windows.mask] = rows
    return ClipFeatures(values, windows.times, windows.mask)


@torch.inference_mode()
def dimension(model: Model) -> int:
    """Return the columns of the network's feature."""
    cut = model.segments()
    blank = torch.from_numpy(np.zeros((1, *cut.shape), cut.dtype))
    return int(_network(model).features(model.plugin.prepare(blank)).shape[1])  # type: ignore[operator]


@dataclass(frozen=True)
class SegmentJob:
    """The original network on one clip (AlexAudio and C3DVisual of Zhang et al. 2017, Table I); see `pipeline.engine.Job`.

    Args:
        feature: its name
        model: the network
        source: feature file that the windows are cut from
    """

    feature: str
    model: Model
    source: Path

    @property
    def stage(self) -> str:
        """See `pipeline.engine.Job`."""
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        """Digest of the code."""
        return code_digest(self.model.code, "pipeline.jobs.segments")

    def key(self, clip: Clip) -> str:
        """See `pipeline.engine.Job`."""
        with FeatureFile(self.source) as file:
            digest = file.read(clip.clip_id).digest()
        settings, weights = self.model.settings, self.model.loaded().sha256
        return cache_key(stage=self.stage, input=digest, code=self.version, params=settings, weights=weights)

    def load(self, clip: Clip) -> tuple[Windows, Iterator[torch.Tensor]]:
        """See `pipeline.engine.Job`."""
        with FeatureFile(self.source) as file:
            windows = self.model.segments()(file.read(clip.clip_id))
        return windows, batches(self.model, windows)

    def compute(self, clip: Clip, loaded: tuple[Windows, Iterator[torch.Tensor]]) -> tuple[ClipFeatures, list[str]]:  # noqa: ARG002
        """See `pipeline.engine.Job`."""
        windows, ready = loaded
        return fc7(_network(self.model), windows, ready), [f"too_short: {windows.short}"] if windows.short else []

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file; checks that the source suits."""
        with FeatureFile(self.source) as file:
            self.model.segments().check_source(file.meta)
        return self.model.meta(self.feature, dimension(self.model), self.version, self.model.loaded().origin)


@cache
def _network(model: Model) -> nn.Module:
    return model.network()


@cache
def _loaded(model: Model) -> Weights:
    return load_weights(model.weights)
