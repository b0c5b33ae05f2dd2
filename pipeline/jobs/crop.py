"""The per-clip job of `crop_faces`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.clip import Clip
from pipeline.core.code import code_digest
from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures, FeatureMeta, opened
from pipeline.faces.eye_crop import CropParams, crop_clip
from pipeline.media import degraded_by, read_frames


@dataclass(frozen=True)
class CropJob:
    """Cut the tracked face out of one clip, eyes at fixed places.

    Args:
        name: of the crops, under `crop_faces` in params.yaml
        root: corpus folder
        faces: feature file of the tracker
        params: settings
    """

    name: str
    root: Path
    faces: Path
    params: CropParams

    @property
    def stage(self) -> str:
        """See `pipeline.engine.Job`."""
        return f"crop_faces:{self.name}"

    @property
    def version(self) -> str:
        """Digest of the code that cuts and decodes."""
        return code_digest("pipeline.faces.eye_crop", "pipeline.media")

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.Job`."""
        eyes = opened(self.faces).digest(clip.clip_id, ("landmarks", "times", "mask"))
        return {
            "stage": self.stage,
            "input": f"{clip.input_digest} {eyes}",
            "code": self.version,
            "params": self.params.model_dump(),
        }

    def load(self, clip: Clip) -> ClipFeatures:
        """See `pipeline.engine.Job`; the eyes of all frames, 41 bytes each; frames are decoded one by one, later.

        Raises:
            ArtifactError: the tracker's file has no eyes
        """
        faces = opened(self.faces).read(clip.clip_id, names=("landmarks",))
        if faces.extra["landmarks"].shape[1:] != (2, 2):
            raise ArtifactError(f"{self.faces}: has no eyes, so it is of an earlier version; run `dvc repro track_faces`")
        return faces

    def compute(self, clip: Clip, loaded: ClipFeatures, notes: list[str]) -> Iterator[ClipFeatures]:
        """See `pipeline.engine.Job`."""
        damage: list[str] = []
        yield from crop_clip(read_frames(self.root / clip.path, clip.start, clip.end, damage), loaded, self.params)
        notes += degraded_by(damage)

    def meta(self) -> FeatureMeta:
        """Return the attributes of the feature file."""
        return FeatureMeta(
            feature=self.name,
            dimension=4,
            dtype="float32",
            columns=("left_eye_x_px", "left_eye_y_px", "right_eye_x_px", "right_eye_y_px"),
            version=self.version,
            params=self.params.model_dump(),
        )
