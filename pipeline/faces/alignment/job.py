"""The per-clip job of `align_faces`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.files import canonical_json
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.engine.code_digest import code_digest
from pipeline.faces.alignment.align import AlignParams, align
from pipeline.faces.detection import detector, settings
from pipeline.media.decode import degraded_by, read_frames


@dataclass(frozen=True)
class AlignJob:
    """Take a fixed number of aligned faces of one clip.

    Args:
        root: corpus folder
        params: settings
        detector: the detector's own settings
        weights: folder of the detector's networks, or None
    """

    root: Path
    params: AlignParams
    detector: Mapping[str, Any]
    weights: Path | None = None

    stage = "align_faces"

    @classmethod
    def of(cls, block: Mapping[str, Any], root: Path, weights: Path | None) -> AlignJob:
        """Return the job for a corpus folder by the section `align_faces`; see `pipeline.faces.detection.settings`."""
        params, detector = settings(AlignParams, block, "align_faces")
        return cls(root, params, detector, weights)

    @property
    def version(self) -> str:
        """Digest of the code that detects, aligns and decodes."""
        return code_digest(
            "pipeline.faces.alignment.align",
            "pipeline.media.decode",
            plugins.module_name("detectors", self.params.detector),
        )

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.run.Job`."""
        return {
            "stage": self.stage,
            "input": clip.input_digest,
            "code": self.version,
            "params": self.params.model_dump(),
            "detector": dict(self.detector),
            "weights": self._detector.weights,
        }

    def load(self, clip: Clip) -> None:
        """See `pipeline.engine.run.Job`; frames are decoded one by one."""

    def compute(self, clip: Clip, loaded: None, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        """See `pipeline.engine.run.Job`."""
        damage: list[str] = []
        frames = partial(read_frames, self.root / clip.path, clip.start, clip.end, damage)
        faces, why = align(frames, self._detector, self.params)
        notes += [*why, *degraded_by(damage)]
        yield faces

    def meta(self) -> FeatureMeta:
        """Return the attributes of `aligned.h5`."""
        return FeatureMeta(
            feature="aligned",
            dimension=4,
            dtype="float32",
            columns=("left_px", "top_px", "right_px", "bottom_px"),
            version=self.version,
            params={**self.params.model_dump(), "detector_settings": dict(self.detector)},
            weights=self._detector.weights,
            origin=self._detector.origin,
        )

    @property
    def _detector(self) -> Any:
        return detector(self.params.detector, canonical_json(dict(self.detector)), self.weights)
