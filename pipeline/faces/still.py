"""The face of a single image, found as those of clips are: for source tasks that learn from images of faces.

What the detector found is kept in the clip cache by the image's bytes and the detector, its settings and weights, some
10 kB an image: another crop, another network or a second run does not look again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from pydantic import Field

from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings, parse
from pipeline.core.store import ClipFeatures
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.faces.alignment.align import best_face, points_of
from pipeline.faces.detector_job import DetectorJob


class FindParams(Settings):
    """How the face of a source image is found."""

    detector: str = Field(
        "dlib_hog", min_length=1, description="plugin in pipeline/faces/detection, the same as for the clips"
    )
    detector_settings: Mapping[str, Any] = Field({}, description="its own settings, the same as for the clips")
    min_px: int = Field(
        160,
        ge=0,
        le=2048,
        description="the detector sees an image whose shorter side is smaller enlarged to this, px; 0 = as it is",
    )


class _Seen(Settings):
    """What a detection depends on, beside the detector's own settings."""

    detector: str
    min_px: int


@dataclass(frozen=True)
class StillJob(DetectorJob):
    """Find the face of an image; `cache` is the root of the clip cache, None = nothing is kept."""

    cache: Path | None = None

    stage = "find_face"
    FEATURE = "stills"
    CODE = ("pipeline.faces.still",)

    @classmethod
    def of(cls, params: FindParams, key: str, weights: Path | None, cache: Path | None) -> Self:
        """Return the job by settings at a key of params.yaml; raise SettingsError where the detector is none, or its
        settings have a mistake.
        """
        plugin = plugins.load("detectors", params.detector, f"{key}.detector")
        own = parse(plugin.Params, params.detector_settings, f"params.yaml: {key}.detector_settings").model_dump()
        return cls(Path(), _Seen(detector=params.detector, min_px=params.min_px), own, weights, cache)

    def find(self, rgb: np.ndarray, digest: str) -> tuple[ClipFeatures, list[str]]:
        """Return the surest face of an image (H, W, 3) uint8 whose file has this SHA-256, and what is to be said of it.

        One row: `values` (1, 4) float32 px, the box; `landmarks` (1, 5, 2) float32 px, see `points_of`; `score` (1,).
        Equal bytes whether or not it was in the cache. Raises ClipError: no_face.
        """
        notes: list[str] = []
        if self.cache is None:
            (found,) = self._found(rgb, notes)
            return found, notes
        cache, key = ClipCache(self.cache), cache_key(**self.parts(Clip("image", "", "", "", digest=digest)))
        kept = cache.get(key)
        if kept is None:
            cache.put(key, self._found(rgb, notes), notes, self.stage, self.meta())
            kept = cache.get(key)
        if kept is None:
            raise ClipError("unreadable", "the clip cache lost what was just written to it")
        features, said = kept
        if isinstance(features, ClipError):
            raise features
        return features, said

    def _found(self, rgb: np.ndarray, notes: list[str]) -> Iterator[ClipFeatures]:
        fold = self.params.min_px / min(rgb.shape[:2])
        large = cv2.resize(rgb, None, fx=fold, fy=fold, interpolation=cv2.INTER_CUBIC) if fold > 1 else rgb
        found = self._detector(large)
        if not found:
            raise ClipError("no_face", f"{self.params.detector} finds none; of face crops set detect to null")
        if len(found) > 1:
            notes.append(f"several_faces: {len(found)}, of which the surest is taken")
        best, _ = best_face(found)
        unit = np.array([rgb.shape[1] / large.shape[1], rgb.shape[0] / large.shape[0]])
        box = (np.reshape(best.box, (1, 2, 2)) * unit).reshape(1, 4)
        points = points_of(best, self._detector)[None] * unit
        extra = {"landmarks": points.astype(np.float32), "score": np.array([best.score], np.float32)}
        yield ClipFeatures(box.astype(np.float32), np.zeros(1), np.ones(1, bool), extra)
