"""The per-clip job of `track_faces`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.files import canonical_json
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.engine.code_digest import code_digest
from pipeline.engine.parallel import ahead
from pipeline.faces.cropping.job import CropJob
from pipeline.faces.detection import detector, settings
from pipeline.faces.tracking.eyes import eye_finder
from pipeline.faces.tracking.face_pixels import Kept, NotKept
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track
from pipeline.media.decode import DECODED, degraded_by, read_video_frames
from pipeline.media.loudness import loudness

_THREADS, _LARGE_BYTES = 2, 1 << 18
"""That cut crops when the thread that decoded has nothing to do any more; where less is kept of a frame, handing it
over costs more.
"""


@dataclass(frozen=True)
class TrackJob:
    """Follow the subject's face through one clip.

    Args:
        root: corpus folder
        params: `pipeline.faces.tracking.settings.TrackParams` as a mapping
        detector: the detector's own settings
        weights: folder of the detector's networks, or None
        landmarks: folder of the predictor that finds the eyes, or None
        crops: jobs of `crop_faces`, whose results are put into the clip cache as far as the clip need not be read again
            for them
        cache: root of the clip cache, for them
    """

    root: Path
    params: Mapping[str, Any]
    detector: Mapping[str, Any]
    weights: Path | None = None
    landmarks: Path | None = None
    crops: tuple[CropJob, ...] = ()
    cache: Path = Path()

    stage = "track_faces"

    @classmethod
    def of(
        cls,
        section: Callable[[str], Any],
        root: Path,
        faces: Path,
        networks: tuple[Path | None, Path | None],
        cache: Path,
    ) -> TrackJob:
        """Return the job for a corpus folder.

        Args:
            section: gives a section of params.yaml: `track_faces` and `crop_faces`
            root: corpus folder
            faces: feature file that the job is for
            networks: folders of the detector's networks and of the predictor that finds the eyes
            cache: root of the clip cache
        """
        params, detector = settings(TrackParams, section("track_faces"), "track_faces")
        crops = tuple(CropJob.of(name, block, root, faces) for name, block in section("crop_faces").items())
        return cls(root, params.model_dump(), detector, *networks, crops, cache)

    @property
    def version(self) -> str:
        """Digest of the tracker's and the detector's code."""
        return code_digest(
            "pipeline.faces.tracking.tracker",
            "pipeline.faces.tracking.eyes",
            "pipeline.media.decode",
            plugins.module_name("detectors", self.params["detector"]),
        )

    def parts(self, clip: Clip) -> Mapping[str, Any]:
        """See `pipeline.engine.run.Job`."""
        return {
            "stage": self.stage,
            "input": clip.input_digest,
            "code": self.version,
            "params": dict(self.params),
            "detector": dict(self.detector),
            "weights": self._weights,
        }

    def load(self, clip: Clip) -> None:
        """See `pipeline.engine.run.Job`; frames are decoded one by one."""

    def compute(self, clip: Clip, loaded: None, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        """See `pipeline.engine.run.Job`."""
        params = TrackParams.model_validate(dict(self.params))
        damage: list[str] = []
        pictures = ahead(read_video_frames(self.root / clip.path, clip.start, clip.end, damage), DECODED)
        kept = Kept(max((job.sides(self._detector.eyes) for job in self.crops), default=0.0))
        heard = partial(loudness, self.root / clip.path, clip.start, clip.end)
        faces = track(pictures, self._detector, params, notes, self._eyes, kept if self.crops else None, heard)
        notes += degraded_by(damage)
        yield faces
        for job in self.crops:
            self._cut(job, clip, kept, faces, degraded_by(damage))

    def _cut(self, job: CropJob, clip: Clip, kept: Kept, faces: ClipFeatures, notes: list[str]) -> None:
        """Put a clip's crops into the clip cache, unless they are there; `crop_faces` makes those for which pixels
        lack.
        """
        cache = ClipCache(self.cache)
        key = cache_key(**job.parts_at(clip, faces.digest(job.arrays)))
        if cache.head(key) is None:
            with suppress(NotKept):
                threads = _THREADS if kept.frame_bytes > _LARGE_BYTES else 1
                cache.put(key, job.cut(kept.pictures(faces.times), faces, threads), notes, job.stage, job.meta())

    def meta(self) -> FeatureMeta:
        """Return the attributes of `faces.h5`."""
        return FeatureMeta(
            feature="faces",
            dimension=4,
            dtype="float32",
            columns=("left_px", "top_px", "right_px", "bottom_px"),
            version=self.version,
            params={**self.params, "detector_settings": dict(self.detector)},
            weights=self._weights,
            origin="; ".join(part for part in (self._detector.origin, self._eyes.origin if self._eyes else "") if part),
        )

    @property
    def _weights(self) -> str:
        """Digests of all networks, or "" where there is none."""
        return " ".join(part for part in (self._detector.weights, self._eyes.weights if self._eyes else "") if part)

    @property
    def _eyes(self) -> Any:
        return eye_finder(self.params["eyes"], self.landmarks)

    @property
    def _detector(self) -> Any:
        return detector(self.params["detector"], canonical_json(dict(self.detector)), self.weights)
