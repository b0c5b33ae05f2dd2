"""The per-clip job of `crop_faces`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.clipcache import cache_key
from pipeline.core.code import code_digest
from pipeline.core.errors import ArtifactError
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.faces.eye_crop import CropParams, crop_clip
from pipeline.media import read_frames


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

    def key(self, clip: Clip) -> str:
        """See `pipeline.engine.Job`."""
        return cache_key(
            stage=self.stage,
            input=clip.input_digest,
            faces=self._tracked(clip).digest(),
            code=self.version,
            params=self.params.model_dump(),
        )

    def load(self, clip: Clip) -> ClipFeatures:
        """See `pipeline.engine.Job`; frames are decoded one by one, later."""
        return self._tracked(clip)

    def compute(self, clip: Clip, loaded: ClipFeatures) -> tuple[ClipFeatures, list[str]]:
        """See `pipeline.engine.Job`."""
        return crop_clip(read_frames(self.root / clip.path, clip.start, clip.end), loaded, self.params), []

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

    def _tracked(self, clip: Clip) -> ClipFeatures:
        with FeatureFile(self.faces) as file:
            faces = file.read(clip.clip_id, names=("landmarks",))
        if faces.extra["landmarks"].shape[1:] != (2, 2):
            raise ArtifactError(f"{self.faces}: has no eyes, so it is of an earlier version; run `dvc repro track_faces`")
        return faces
