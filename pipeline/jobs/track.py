"""The per-clip job of `track_faces`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.code import code_digest
from pipeline.core.files import canonical_json
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.faces import tracker
from pipeline.faces.detectors import detector
from pipeline.media import degraded_by, read_frames


@dataclass(frozen=True)
class TrackJob:
    """Follow the subject's face through one clip.

    Args:
        root: corpus folder
        params: `pipeline.faces.tracker.TrackParams` as a mapping
        detector: the detector's own settings
        weights: folder of the detector's networks, or None
    """

    root: Path
    params: Mapping[str, Any]
    detector: Mapping[str, Any]
    weights: Path | None = None

    stage = "track_faces"

    @property
    def version(self) -> str:
        """Digest of the tracker's and the detector's code."""
        return code_digest("pipeline.faces.tracker", "pipeline.media", plugins.module_name("detectors", self.params["detector"]))

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.Job`."""
        return {
            "stage": self.stage,
            "input": clip.input_digest,
            "code": self.version,
            "params": dict(self.params),
            "detector": dict(self.detector),
            "weights": self._detector.weights,
        }

    def load(self, clip: Clip) -> None:
        """See `pipeline.engine.Job`; frames are decoded one by one."""

    def compute(self, clip: Clip, loaded: None, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        """See `pipeline.engine.Job`."""
        params = tracker.TrackParams.model_validate(dict(self.params))
        damage: list[str] = []
        frames = read_frames(self.root / clip.path, clip.start, clip.end, damage)
        yield tracker.track(frames, self._detector, params, notes)
        notes += degraded_by(damage)

    def meta(self) -> FeatureMeta:
        """Return the attributes of `faces.h5`."""
        return FeatureMeta(
            feature="faces",
            dimension=4,
            dtype="float32",
            columns=("left_px", "top_px", "right_px", "bottom_px"),
            version=self.version,
            params={**self.params, "detector_settings": dict(self.detector)},
            weights=self._detector.weights,
            origin=self._detector.origin,
        )

    @property
    def _detector(self) -> Any:
        return detector(self.params["detector"], canonical_json(dict(self.detector)), self.weights)
