"""A fold's networks from the weights that its stages kept: fine-tuned ones, through the engine and its clip cache, and
fusion networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.settings import parse
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.core.weights_file import Weights, load_state, load_weights
from pipeline.engine.code_digest import code_digest
from pipeline.features.joint.job import JointParams
from pipeline.features.segments.job import Model, batches, blocks, dimension, fc7
from pipeline.features.segments.networks import Windows


@dataclass(frozen=True)
class FoldNetworkJob:
    """See `pipeline.engine.run.Job`; gives what the stage wrote for this fold, had the clip been in the corpus.

    Args:
        feature: its name
        model: the pre-trained network
        kept: folder of the weights that the fold's fine-tuning ended with
        source: feature file that the windows are cut from
    """

    feature: str
    model: Model
    kept: Path
    source: Path

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
            "weights": _weights(self.kept).sha256,
        }

    def load(self, clip: Clip) -> tuple[Windows, Iterator[torch.Tensor]]:
        """See `pipeline.engine.run.Job`."""
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
        """Return the attributes of the feature file."""
        self.model.segments().check_source(opened(self.source).meta)
        return self.model.meta(self.feature, dimension(self.model), self.version, _weights(self.kept).origin)


def fusion_network(feature: str, params: JointParams, kept: Path, columns: int) -> Any:
    """Return a fold's fusion network; see `pipeline.features.joint.networks.Joint`.

    Args:
        feature: its name
        params: its settings
        kept: folder of the weights that its training ended with
        columns: of the paired features

    Raises:
        WeightsError: absent, damaged, or of other settings
    """
    place = f"fuse_features.{feature}"
    plugin = plugins.load("fusion_networks", params.network, f"{place}.network")
    settings = parse(plugin.Params, params.settings, f"params.yaml: {place}.settings")
    weights = load_weights(kept)
    return plugin.load(settings, weights.state, columns, len(weights.config["classes"]))


@cache
def _weights(kept: Path) -> Weights:
    return load_weights(kept)


@cache
def _network(model: Model, kept: Path) -> nn.Module:
    weights = _weights(kept)
    return load_state(model.network(len(weights.config["classes"])), weights, kept)
