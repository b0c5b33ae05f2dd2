"""Features of segments by a pre-trained network: the network with its weights, and the per-clip job of the original
one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.core.clip import Clip
from pipeline.core.errors import WeightsError
from pipeline.core.pretrained_plugin import PluginModel
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.core.weights_file import Weights, load_state, load_weights
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import ahead
from pipeline.features.segments.networks import Windows
from pipeline.training.per_fold import Keep
from pipeline.training.task import LoopParams

_ROWS = 64
"""Rows given away at a time."""


class SegmentParams(Settings):
    """`segments_audio.<feature>`, `segments_video.<feature>`."""

    network: str = Field(min_length=1, description="plugin in pipeline/features/segments/networks")
    settings: Mapping[str, Any] = Field({}, description="the plugin's own settings")
    tune: LoopParams | None = Field(
        None, description="fine-tuning on each fold's training clips; null = the original network"
    )
    keep: Keep = Field((), description="folds (fold-00, ...) whose fine-tuned weights are kept, or all")


class Model(PluginModel):
    """A plugin of pipeline/features/segments/networks with its settings and weights."""

    KIND = "segment_networks"

    def segments(self) -> Any:
        """Return what cuts a clip into windows."""
        return self.plugin.Segments(self.params)

    def network(self, classes: int = 1) -> nn.Module:
        """Return the network with its pre-trained weights and a new last layer, in evaluation mode.

        Raises:
            WeightsError: a weight other than the last layer's, and those that the plugin renews, is missing or
                misshapen
        """
        module, loaded = (
            self.plugin.network(self.params, (weights := self.loaded()).config["network"], classes),
            weights.state,
        )
        new = {*getattr(module, "renewed", ()), *(f"{self.plugin.LAST}.{kind}" for kind in ("weight", "bias"))}
        own = module.state_dict()
        unfit = sorted(name for name in set(own) - new if name not in loaded or loaded[name].shape != own[name].shape)
        unknown = sorted(set(loaded) - set(own) - new)
        if unfit or unknown:
            raise WeightsError(
                f"{self.weights}: these weights do not fit {self.name} with its settings: "
                f"{', '.join([*unfit, *unknown][:3])}; "
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
    parts = iter(lambda: list(islice(windows.inputs, model.params.batch)), [])
    return ahead(model.plugin.prepare(torch.from_numpy(np.stack(part))) for part in parts)


def fc7(module: nn.Module, ready: Iterable[torch.Tensor], device: str = "cpu") -> Iterator[np.ndarray]:
    """Yield the network's feature of every observed window, (D,) float32.

    Args:
        module: the network
        ready: the `batches` of one clip
        device: where the network is
    """
    for batch in ready:
        yield from _forward(module, batch.to(device))


@torch.inference_mode()
def _forward(module: nn.Module, batch: torch.Tensor) -> np.ndarray:
    return module.features(batch).cpu().numpy()  # type: ignore[operator]


def blocks(rows: Iterator[np.ndarray], times: np.ndarray, mask: np.ndarray) -> Iterator[ClipFeatures]:
    """Yield (S, D) float32 block by block, NaN where a window was not observed.

    Args:
        rows: (D,) of every observed window, one at least
        times: (S,), s
        mask: (S,) bool, which were observed
    """
    first = next(rows)
    rows = chain([first], rows)
    for start in range(0, len(mask), _ROWS):
        part = slice(start, start + _ROWS)
        values = np.full((len(mask[part]), len(first)), np.nan, np.float32)
        for place, row in zip(np.flatnonzero(mask[part]), rows, strict=False):
            values[place] = row
        yield ClipFeatures(values, times[part], mask[part])


@torch.inference_mode()
def dimension(model: Model) -> int:
    """Return the columns of the network's feature."""
    cut = model.segments()
    blank = torch.from_numpy(np.zeros((1, *cut.shape), cut.dtype))
    return int(_network(model).features(model.plugin.prepare(blank)).shape[1])  # type: ignore[operator]


@dataclass(frozen=True)
class SegmentJob:
    """The original network on one clip (AlexAudio and C3DVisual of Zhang et al. 2017, Table I), or one fold's
    fine-tuned
    one; see `pipeline.engine.run.Job`.

    Args:
        feature: its name
        model: the network
        source: feature file that the windows are cut from
        kept: folder of the weights with which the fine-tuning in one fold ended; None = the original network
    """

    feature: str
    model: Model
    source: Path
    kept: Path | None = None

    @property
    def stage(self) -> str:
        """See `pipeline.engine.run.Job`."""
        return f"extract:{self.feature}"

    @property
    def version(self) -> str:
        """Digest of the code."""
        return code_digest(self.model.code, "pipeline.features.segments.job")

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.run.Job`."""
        return {
            "stage": self.stage,
            "input": opened(self.source).digest(clip.clip_id),
            "code": self.version,
            "params": [self.model.name, self.model.settings],
            "weights": self._weights.sha256,
        }

    def load(self, clip: Clip) -> tuple[Windows, Iterator[torch.Tensor]]:
        """See `pipeline.engine.run.Job`; the first batch, and how the others are made."""
        windows = self.model.segments()(opened(self.source).rows(clip.clip_id))
        return windows, batches(self.model, windows)

    def compute(
        self,
        clip: Clip,  # noqa: ARG002
        loaded: tuple[Windows, Iterator[torch.Tensor]],
        notes: list[str],
    ) -> Iterator[ClipFeatures]:
        """See `pipeline.engine.run.Job`."""
        windows, ready = loaded
        if windows.short:
            notes.append(f"too_short: {windows.short}")
        return blocks(fc7(_network(self.model, self.kept), ready), windows.times, windows.mask)

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file; checks that the source suits."""
        self.model.segments().check_source(opened(self.source).meta)
        return self.model.meta(self.feature, dimension(self.model), self.version, self._weights.origin)

    @property
    def _weights(self) -> Weights:
        return self.model.loaded() if self.kept is None else _fold_weights(self.kept)


@cache
def _network(model: Model, kept: Path | None = None) -> nn.Module:
    if kept is None:
        return model.network()
    weights = _fold_weights(kept)
    return load_state(model.network(len(weights.config["classes"])), weights, kept)


@cache
def _fold_weights(kept: Path) -> Weights:
    return load_weights(kept)
