"""The per-clip job of `align_faces`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures
from pipeline.faces.alignment.align import AlignParams, align
from pipeline.faces.detector_job import DetectorJob, detector_settings
from pipeline.media.decode import read_frames
from pipeline.media.remark import degraded_by


@dataclass(frozen=True)
class AlignJob(DetectorJob):
    """Take a fixed number of aligned faces of one clip."""

    stage = "align_faces"
    FEATURE = "aligned"
    CODE = ("pipeline.faces.alignment.align",)

    @classmethod
    def of(cls, block: Mapping[str, Any], root: Path, weights: Path | None) -> Self:
        """Return the job for a corpus folder by the section `align_faces`; see `detector_settings`."""
        return cls(root, *detector_settings(AlignParams, block, cls.stage), weights)

    def compute(self, clip: Clip, loaded: None, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        """See `pipeline.engine.run.Job`."""
        damage: list[str] = []
        frames = partial(read_frames, clip.file(self.root), clip.start, clip.end, damage)
        faces, why = align(frames, self._detector, self.params)
        notes += [*why, *degraded_by(damage)]
        yield faces
