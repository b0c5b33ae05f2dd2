"""Images of faces as networks take them: found and cut as the faces of clips are, or face crops already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures
from pipeline.faces.alignment.align import aligned
from pipeline.faces.cropping.kinds import square
from pipeline.faces.still import FindParams, StillJob
from pipeline.pretraining.sources._shared.reading import Loaded, decoded, whole
from pipeline.training.task import Run

WHOLE = "; null = the images are face crops already: each is taken whole, and padded to a square"
_SEEN = 7 / 8
"""Of the sides of the aligned square, what networks see: WINDOW in features/aligned/networks."""


class SquareCrop(square.Params):
    """A block of `crop_faces`."""

    kind: Literal["square"] = Field("square", description="how to cut; the face CNN takes squares")


class Tracked(FindParams):
    """Source faces like those of `crop_faces`."""

    crop: SquareCrop = Field(
        SquareCrop.model_validate({}), description="the block of crop_faces whose crops are the network's input"
    )


class Aligned(FindParams):
    """Source faces like those of `align_faces`."""

    detector: str = Field("mtcnn", min_length=1, description="plugin in pipeline/faces/detection, as in align_faces")
    px: int = Field(256, ge=16, le=1024, description="side of the aligned crops, px, as in align_faces")


def loader(
    detect: Tracked | Aligned | None, px: int, run: Run, enlarging: int = cv2.INTER_LINEAR
) -> Callable[[Path], Loaded]:
    """Return what reads an image file as (3, px, px) uint8 RGB, and what is to be said of it.

    It raises ClipError: decode_error, unreadable, no_face. `enlarging` is OpenCV's interpolation of crops that are
    smaller than `px`; SettingsError where `detect` names no detector.
    """
    if detect is None:
        return _Whole(px, enlarging)
    key = f"{run.stage.replace(':', '.')}.settings.detect"
    return _Cut(StillJob.of(detect, key, run.detector, run.clip_cache), detect, px, enlarging)


@dataclass(frozen=True)
class _Whole:
    px: int
    enlarging: int

    def __call__(self, path: Path) -> Loaded:
        return whole(decoded(path)[0], self.px, self.enlarging), []


@dataclass(frozen=True)
class _Cut:
    job: StillJob
    detect: Tracked | Aligned
    px: int
    enlarging: int

    def __call__(self, path: Path) -> Loaded:
        rgb, raw = decoded(path)
        face, notes = self.job.find(rgb, hashlib.sha256(raw).hexdigest())
        return whole(self._crop(rgb, face), self.px, self.enlarging), notes

    def _crop(self, rgb: np.ndarray, face: ClipFeatures) -> np.ndarray:
        if isinstance(self.detect, Tracked):
            return square.cut(rgb, face.values[0], self.detect.crop)
        crop = aligned(rgb, face.extra["landmarks"][0].astype(np.float64), self.detect.px)
        if crop is None:
            raise ClipError("no_face", f"{self.detect.detector} sees one whose points lie in no order of a face's")
        # the middle, by the same rounding as in features/aligned/network_crop.py
        length = max(1, round(self.detect.px * _SEEN))
        begin = round((self.detect.px - length) * 0.5)
        return crop[begin : begin + length, begin : begin + length]
