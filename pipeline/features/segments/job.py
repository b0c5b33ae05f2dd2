"""Features of segments by a pre-trained network: the network with its weights, and the job of the original one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.core.clip import Clip
from pipeline.core.pretrained_plugin import PluginModel
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.core.weights_file import Weights, load_state, load_weights
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import ahead
from pipeline.features.observed import spread
from pipeline.features.pretrained import with_weights
from pipeline.features.segments.networks import Windows
from pipeline.training.per_fold import KEEP, Keep
from pipeline.training.place import CPU, Place
from pipeline.training.task import LoopParams


class SegmentParams(Settings):
    """`segments_audio.<feature>`, `segments_video.<feature>`."""

    network: str = Field(min_length=1, description="plugin in pipeline/features/segments/networks")
    settings: Mapping[str, Any] = Field({}, description="the plugin's own settings")
    tune: LoopParams | None = Field(
        None, description="fine-tuning on each fold's training clips; null = the original network"
    )
    keep: Keep = Field("first", description=KEEP)


class Model(PluginModel):
    """A plugin of pipeline/features/segments/networks with its settings and weights."""

    KIND = "segment_networks"

    def segments(self) -> Any:
        """Return what cuts a clip into windows."""
        return self.plugin.Segments(self.params)

    def network(self, classes: int = 1) -> nn.Module:
        """Return the network with its pre-trained weights and a new last layer, in evaluation mode; `with_weights`."""
        weights = self.loaded()
        module = self.plugin.network(self.params, weights.config["network"], classes)
        new = [f"{self.plugin.LAST}.{kind}" for kind in ("weight", "bias")]
        return with_weights(module, self.name, weights, self.weights, new)

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
    parts = iter(lambda: list(islice(windows.inputs, model.params.batch)), [])
    return ahead(model.plugin.prepare(torch.from_numpy(np.stack(part))) for part in parts)


def fc7(network: Any, ready: Iterable[torch.Tensor]) -> Iterator[np.ndarray]:
    """Yield the feature of every observed window, (D,) float32, for the `batches` of one clip, by `Place.holding`."""
    for batch in ready:
        with torch.inference_mode():
            rows = network.features(batch).numpy()
        yield from rows


@torch.inference_mode()
def dimension(model: Model) -> int:
    """Return the columns of the network's feature."""
    cut = model.segments()
    blank = torch.from_numpy(np.zeros((1, *cut.shape), cut.dtype))
    return int(_network(model).features(model.plugin.prepare(blank)).shape[1])


@dataclass(frozen=True)
class SegmentJob:
    """The original network on one clip (AlexAudio and C3DVisual of Zhang et al. 2017, Table I), or one fold's
    fine-tuned one; see `pipeline.engine.run.Job`.

    `source` is the feature file that the windows are cut from, `kept` the folder of the weights with which the
    fine-tuning in one fold ended; None = the original network; `place` where it is applied.
    """

    feature: str
    model: Model
    source: Path
    kept: Path | None = None
    place: Place = CPU

    @property
    def stage(self) -> str:
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        return code_digest(self.model.code, "pipeline.features.segments.job")

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        return {
            "stage": self.stage,
            "input": opened(self.source).digest(clip.clip_id),
            "code": self.version,
            "params": [self.model.name, self.model.settings],
            "weights": self._weights.sha256,
            **self.place.parts,
        }

    def load(self, clip: Clip) -> tuple[Windows, Iterator[torch.Tensor]]:
        windows = self.model.segments()(opened(self.source).rows(clip.clip_id))
        return windows, batches(self.model, windows)

    def compute(self, clip: Clip, loaded: Any, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        windows, ready = loaded
        if windows.short:
            notes.append(f"too_short: {windows.short}")
        return spread(fc7(_network(self.model, self.kept, self.place), ready), windows.times, windows.mask, np.float32)

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file; checks that the source suits."""
        self.model.segments().check_source(opened(self.source).meta)
        return self.model.meta(self.feature, dimension(self.model), self.version, self._weights.origin)

    @property
    def _weights(self) -> Weights:
        return self.model.loaded() if self.kept is None else _fold_weights(self.kept)


_fold_weights = cache(load_weights)


@cache
def _network(model: Model, kept: Path | None = None, place: Place = CPU) -> Any:
    if kept is None:
        return place.holding(model.network())
    weights = _fold_weights(kept)
    return place.holding(load_state(model.network(len(weights.config["classes"])), weights, kept))
