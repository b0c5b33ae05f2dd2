"""What one clip looked and sounded like, from its feature files: a strip of faces and a mel spectrogram, as
data URIs.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.core.errors import ArtifactError, PipelineError
from pipeline.core.store import FeatureFile
from pipeline.reporting.overview.sounds import Sounds

FACES, FACE_PX = 6, 72
"""So many faces side by side, each so wide and high."""
_SPECTRUM_PX = (FACES * FACE_PX, 96)
_QUALITY = 82
_UNSEEN = (128, 128, 128)


@dataclass(frozen=True)
class Picture:
    """One picture on the page.

    Attributes:
        uri: a JPEG as a data URI; "" where there is none
        words: what it shows, or why there is none
    """

    uri: str
    words: str


class Pictures(ExitStack):
    """Faces and spectra of the clips of one corpus; a context manager that closes its files.

    Args:
        features: folder of the corpus's features
        sounds: the clips' own audio, for where there is no spectrum among the features
    """

    def __init__(self, features: Path, sounds: Sounds) -> None:
        super().__init__()
        self._sounds = sounds
        self._faces = self._first(
            sorted(features.glob("*.h5"), key=lambda path: (path.stem != "square100", path.stem)), _has_crops
        )
        self._mels = self._first(
            sorted(features.glob("*mel*.h5"), key=lambda path: (path.stem != "logmel", path.stem)), _has_mels
        )

    def _first(self, paths: Sequence[Path], fits: Callable[[FeatureFile], bool]) -> FeatureFile | None:
        """Return the first file that has what is looked for, open; a damaged one is passed over."""
        for path in paths:
            try:
                file = FeatureFile(path)
            except ArtifactError:
                continue
            if fits(file):
                self.enter_context(file)
                return file
            file.__exit__(None, None, None)
        return None

    def faces(self, clip_id: str) -> Picture:
        """Return some frames of the face, evenly over the clip; grey where no face was seen."""
        if self._faces is None:
            return Picture("", "No file with crops of the face")
        if not self._faces.holds(clip_id):
            return Picture("", f"No face of it in {self._faces.path.name}; the ledger says why")
        try:
            times, mask = self._faces.frames(clip_id)
            rows = evenly(len(mask), FACES)
            tiles = [_tile(self._faces, clip_id, row, bool(mask[row])) for row in rows]
        except ArtifactError as error:
            return Picture("", str(error))
        shown = ", ".join(f"{times[row]:.2f}" for row in rows)
        words = f"The face at {shown} s" + ("" if mask[rows].all() else "; grey: no face")
        return Picture(jpeg(np.concatenate(tiles, axis=1)), words)

    def spectrum(self, clip_id: str) -> Picture:
        """Return the mel spectrogram, low bands at the bottom; from the clip's own file where no stage has made one."""
        try:
            values, seconds = self._mel(clip_id)
        except PipelineError as error:
            return Picture("", f"No audio: {error}")
        if values is None:
            return Picture("", "No audio here: neither a log mel spectrogram among the features nor the clip itself")
        words = f"Log mel spectrogram, {values.shape[1]} bands, {seconds:.1f} s; low bands below"
        return Picture(jpeg(spectrogram(values)), words)

    def _mel(self, clip_id: str) -> tuple[np.ndarray | None, float]:
        """Return (T, bands) and how many seconds these are."""
        if self._mels is not None and self._mels.holds(clip_id):
            clip = self._mels.read(clip_id)
            return clip.values, float(clip.times[-1]) if len(clip.times) else 0.0
        values = self._sounds.mels(clip_id)
        return values, 0.0 if values is None else len(values) / 100


def _has_crops(file: FeatureFile) -> bool:
    ids = [] if file.folds else file.clip_ids()
    return bool(ids) and "crops" in file.part_of(ids[0], slice(0, 0)).extra


def _has_mels(file: FeatureFile) -> bool:
    return not file.folds and bool(file.clip_ids())


def _tile(file: FeatureFile, clip_id: str, row: int, seen: bool) -> np.ndarray:
    """Return (FACE_PX, FACE_PX, 3), the crop of one frame, cut or padded to nothing: only scaled."""
    if not seen:
        return np.full((FACE_PX, FACE_PX, 3), _UNSEEN, np.uint8)
    crop = file.part_of(clip_id, slice(row, row + 1), ["crops"]).extra["crops"][0]
    scale = FACE_PX / max(crop.shape[:2])
    height, width = (max(1, round(scale * side)) for side in crop.shape[:2])
    tile = np.full((FACE_PX, FACE_PX, 3), _UNSEEN, np.uint8)
    top, left = (FACE_PX - height) // 2, (FACE_PX - width) // 2
    tile[top : top + height, left : left + width] = cv2.resize(crop, (width, height), interpolation=cv2.INTER_AREA)
    return tile


def evenly(count: int, wanted: int) -> list[int]:
    """Return up to `wanted` of `count` places, from the first to the last, evenly."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, wanted)).tolist()}) if count else []


def spectrogram(values: np.ndarray) -> np.ndarray:
    """Draw log mel values (T, bands) as (height, width, 3) uint8 RGB, dark to bright: 2nd to 99th percentile."""
    low, high = np.nanpercentile(values, (2, 99)) if values.size else (0.0, 1.0)
    scaled = np.clip((np.nan_to_num(values, nan=low) - low) / max(high - low, 1e-9), 0, 1)
    picture = cv2.resize((255 * scaled.T[::-1]).astype(np.uint8), _SPECTRUM_PX, interpolation=cv2.INTER_AREA)
    return cv2.applyColorMap(picture, cv2.COLORMAP_MAGMA)[..., ::-1]


def jpeg(rgb: np.ndarray) -> str:
    """Return a picture (height, width, 3) uint8 RGB as a data URI."""
    coded = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return f"data:image/jpeg;base64,{b64encode(coded.tobytes()).decode('ascii')}"
