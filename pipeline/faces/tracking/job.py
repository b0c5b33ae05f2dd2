"""The per-clip job of `track_faces`."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.engine.parallel import ahead
from pipeline.faces.cropping.job import CropJob
from pipeline.faces.detector_job import DetectorJob, detector_settings
from pipeline.faces.tracking.detection import eye_finder
from pipeline.faces.tracking.face_pixels import Kept, NotKept
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track
from pipeline.media.decode import DECODED, read_video_frames
from pipeline.media.loudness import loudness
from pipeline.media.remark import degraded_by

_THREADS, _LARGE_BYTES = 2, 1 << 18
"""That cut crops when the decoding thread is done; where less is kept of a frame, handing it over costs more."""


@dataclass(frozen=True)
class TrackJob(DetectorJob):
    """Follow the subject's face through one clip; `landmarks` is the folder of what finds the eyes, or None.

    The results of `crops`, jobs of `crop_faces`, are put into the clip cache, whose root is `cache`, as far as the clip
    need not be read again for them.
    """

    landmarks: Path | None = None
    crops: tuple[CropJob, ...] = ()
    cache: Path = Path()

    stage = "track_faces"
    FEATURE = "faces"
    CODE = ("pipeline.faces.tracking.tracker", "pipeline.media.loudness")

    @classmethod
    def of(
        cls,
        section: Callable[[str], Any],
        root: Path,
        faces: Path,
        networks: tuple[Path | None, Path | None],
        cache: Path,
    ) -> Self:
        """Return the job for a corpus folder and the feature file that it is for; `section` gives a section of
        params.yaml, `networks` are `weights` and `landmarks`.
        """
        crops = tuple(CropJob.of(name, block, root, faces) for name, block in section("crop_faces").items())
        return cls(root, *detector_settings(TrackParams, section(cls.stage), cls.stage), *networks, crops, cache)

    def compute(self, clip: Clip, loaded: None, notes: list[str]) -> Iterator[ClipFeatures]:  # noqa: ARG002
        """See `pipeline.engine.run.Job`."""
        media = clip.file(self.root), clip.start, clip.end
        damage: list[str] = []
        pictures = ahead(read_video_frames(*media, damage), DECODED)
        kept = Kept(max((job.sides(self._detector.eyes) for job in self.crops), default=0.0))
        heard = partial(loudness, *media)
        faces = track(pictures, self._detector, self.params, notes, self._eyes, kept if self.crops else None, heard)
        notes += degraded_by(damage)
        yield faces
        for job in self.crops:
            self._cut(job, clip, kept, faces, degraded_by(damage))

    def _cut(self, job: CropJob, clip: Clip, kept: Kept, faces: ClipFeatures, notes: list[str]) -> None:
        """Put a clip's crops into the clip cache, unless they are there; where pixels lack, `crop_faces` makes them."""
        cache = ClipCache(self.cache)
        key = cache_key(**job.parts_at(clip, faces.digest(job.arrays)))
        if cache.head(key) is None:
            with suppress(NotKept):
                threads = _THREADS if kept.frame_bytes > _LARGE_BYTES else 1
                cache.put(key, job.cut(kept.pictures(faces.times), faces, threads), notes, job.stage, job.meta())

    @property
    def _finders(self) -> list[Any]:
        return [self._detector, *([self._eyes] if self._eyes else [])]

    @property
    def _eyes(self) -> Any:
        return eye_finder(self.params.eyes, self.landmarks)
