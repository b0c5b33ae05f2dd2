"""The per-clip jobs of the stages, for clips in another folder: same code, settings and weights, so the same cache
keys; and a fold's fusion networks, which need the same settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.settings import Model as SettingsModel
from pipeline.core.settings import parse, section
from pipeline.engine.run import Job
from pipeline.faces.alignment.job import AlignJob
from pipeline.faces.cropping.job import CropJob
from pipeline.faces.tracking.job import TrackJob
from pipeline.features.extract_job import ExtractJob
from pipeline.features.table import TableJob, TableParams
from pipeline.prediction.steps import Step

PER_CLIP = ("track_faces", "crop_faces", "align_faces", "extract", "table", "clip_features", "segments")


@dataclass(frozen=True)
class Maker:
    """Makes jobs as the stages do."""

    params: Mapping[str, Any]  # all of params.yaml
    project: Path  # which paths of dvc.lock are relative to
    root: Path  # folder of the clips
    scratch: Callable[[str], Path]  # path of dvc.lock -> where this feature of the new clips lies
    cache: Path  # root of the clip cache

    def job(self, step: Step) -> Job:
        """Return the job of one of the stages `PER_CLIP`. What is learned per fold is not made here."""
        args, weights = step.args, self.path(step, "weights")
        name = args.get("feature", "")
        source = self.scratch(args["source"]) if "source" in args else self.root
        match step.stage:
            case "track_faces":
                networks = weights, self.path(step, "landmarks")
                return TrackJob.of(self.section, self.root, self.scratch(step.out), networks, self.cache)
            case "crop_faces":
                return CropJob.of(args["crop"], self.section(f"crop_faces.{args['crop']}"), self.root, source)
            case "align_faces":
                return AlignJob.of(self.section("align_faces"), self.root, weights)
            case "extract":
                key = f"{args['section']}.{name}"
                return ExtractJob.of(name, self.section(key), key, source, weights)
            case "table":  # a clip without a row of its own is lost by the ledger
                return TableJob(name, self.parsed(f"extract_table.{name}", TableParams), self.project / args["table"])
            case "clip_features":
                from pipeline.prediction.networks import clip_feature_job  # PyTorch, a second and a half

                return clip_feature_job(
                    step, self.section(f"clip_features.{name}"), self.project / args["weights"], source
                )
            case _:
                return self.segment_job(step, self.scratch(args["source"]))

    def section(self, key: str) -> Any:
        """Return a block of params.yaml."""
        return section(self.params, key)

    def parsed(self, key: str, model: type[SettingsModel]) -> SettingsModel:
        """Return a block of params.yaml as its typed model."""
        return parse(model, self.section(key), f"params.yaml: {key}")

    def path(self, step: Step, name: str) -> Path | None:
        """Return a path among a stage's arguments; None where it is not given."""
        return self.project / step.args[name] if name in step.args else None

    def segment_job(self, step: Step, source: Path, kept: Path | None = None) -> Job:
        """Return the job of a feature of windows, of the network fine-tuned into `kept`; None = the original one."""
        from pipeline.prediction.networks import segment_job

        section = self.section(f"{step.args['section']}.{step.feature}")
        return segment_job(step, section, self.project / step.args["weights"], source, kept)

    def fusion_network(self, step: Step, fold: str, columns: int) -> Any:
        """Return a fold's fusion network; see `pipeline.prediction.networks.fusion_network`."""
        from pipeline.prediction.networks import fusion_network

        section = self.section(f"fuse_features.{step.feature}")
        return fusion_network(step, section, self.project / step.args["kept"] / fold, columns)
