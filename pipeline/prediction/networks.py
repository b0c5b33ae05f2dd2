"""What a prediction needs of networks. All of it imports PyTorch, which a system without networks never waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from pipeline.classification.candidates import combinations
from pipeline.classification.end_to_end.loop import EndToEnd, Training
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.core import plugins
from pipeline.core.settings import Runtime, parse
from pipeline.core.store import ClipFeatures
from pipeline.core.weights_file import load_weights
from pipeline.features.aligned.job import ClipFeatureJob, ClipFeatureParams, ClipModel
from pipeline.features.joint.job import JointParams
from pipeline.features.segments.job import Model, SegmentJob, SegmentParams
from pipeline.media.frame_sampling import filled
from pipeline.prediction.steps import Step
from pipeline.systems.plan import END_TO_END


def end_to_end(network: str, given: Mapping[str, Any], place: str, weights: Path, classes: Sequence[str]) -> EndToEnd:
    """Return an end-to-end network of these params, which stand at `place`; its weights of a fold are not loaded."""
    (params,) = combinations(parse(EndToEndParams, given, place))
    body = ClipModel.of(network, params.settings, weights, f"{END_TO_END}.{network}")
    return EndToEnd(Training(body, params, "", Path(), parse(Runtime, {}, "runtime")), list(classes))


def clip_feature_job(step: Step, section: Any, weights: Path, source: Path) -> ClipFeatureJob:
    """Return the job of a feature of aligned faces."""
    params = parse(ClipFeatureParams, section, f"params.yaml: clip_features.{step.feature}")
    return ClipFeatureJob.of(step.feature, params, weights, source)


def segment_job(step: Step, section: Any, weights: Path, source: Path, kept: Path | None = None) -> SegmentJob:
    """Return the job of a feature of windows, of the network fine-tuned into `kept`; None = the original one."""
    place = f"{step.args['section']}.{step.feature}"
    params = parse(SegmentParams, section, f"params.yaml: {place}")
    return SegmentJob(step.feature, Model.of(params.network, params.settings, weights, place), source, kept)


def fusion_network(step: Step, section: Any, kept: Path, columns: int) -> Any:
    """Return a fold's fusion network over pairs of that many columns (`pipeline.features.joint.networks`), with the
    weights that its training ended with; a WeightsError says that they are absent, damaged or of other settings.
    """
    place = f"fuse_features.{step.feature}"
    params = parse(JointParams, section, f"params.yaml: {place}")
    plugin = plugins.load("fusion_networks", params.network, f"{place}.network")
    settings = parse(plugin.Params, params.settings, f"params.yaml: {place}.settings")
    weights = load_weights(kept)
    return plugin.load(settings, weights.state, columns, len(weights.config["classes"]))


class ClipFaces:
    """Aligned faces of some clips in memory; see `pipeline.classification.end_to_end.network.Faces`."""

    def __init__(self, clips: Sequence[ClipFeatures]) -> None:
        self._clips = clips

    def __len__(self) -> int:
        return len(self._clips)

    def faces(self, numbers: Sequence[int]) -> Iterator[torch.Tensor]:
        for number in numbers:
            clip = self._clips[number]
            yield torch.from_numpy(clip.extra["crops"][filled(clip.mask)])
