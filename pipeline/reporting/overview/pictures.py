"""What one clip looked and sounded like, as data URIs: a strip of faces and a mel spectrogram, from its feature files,
or from the clip itself where no stage has made a spectrogram.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.audio.spectral import AUDIO_HZ, LogMelParams, log_mel
from pipeline.core.clip import read_manifest
from pipeline.core.errors import ArtifactError, ClipError, PipelineError
from pipeline.core.settings import read_params
from pipeline.core.store import FeatureFile
from pipeline.media.decode import read_audio

FACES, FACE_PX = 6, 72
"""So many faces side by side, each so wide and high."""
LONGEST_S = 60.0
"""As much of a clip's own audio is drawn, s."""
_SPECTRUM_PX = (FACES * FACE_PX, 96)
_QUALITY = 82
_UNSEEN = (128, 128, 128)
_MELS = LogMelParams(bands=64, window_ms=25, hop_ms=10, low_hz=20, high_hz=8000)


@dataclass(frozen=True)
class Picture:
    """One picture on the page: a JPEG as a data URI, "" if there is none, and what it shows, or why there is none."""

    uri: str
    words: str


class Sounds:
    """Audio of the clips of one corpus, which lies where the settings say and has a manifest."""

    def __init__(self, params: Path, corpus: str, manifest: Path) -> None:
        self._root: Path | None = None
        self._clips = {clip.clip_id: clip for clip in read_manifest(manifest)} if manifest.is_file() else {}
        with suppress(PipelineError):
            block = (read_params(params).get("corpora") or {}).get(corpus)
            if isinstance(block, Mapping) and block.get("root"):
                self._root = params.parent / str(block["root"])

    def mels(self, clip_id: str) -> np.ndarray | None:
        """Return (T, 64), 100 rows a second; None where the corpus or the clip is not here, a ClipError where its audio
        cannot be read or is too short.
        """
        clip = self._clips.get(clip_id)
        if self._root is None or clip is None or not clip.file(self._root).is_file():
            return None
        begin = clip.start or 0.0
        end = begin + LONGEST_S if clip.end is None else min(clip.end, begin + LONGEST_S)
        rows, _ = log_mel(read_audio(clip.file(self._root), AUDIO_HZ, clip.start, end), _MELS)
        if not len(rows):
            raise ClipError("too_short", "less than a window of audio")
        return rows


class Pictures(ExitStack):
    """Faces and spectra of the clips of one corpus, from its folder of features; a context manager that closes its
    files.
    """

    def __init__(self, features: Path, sounds: Sounds) -> None:
        super().__init__()
        self._sounds = sounds
        self._faces = self._first(features, "*.h5", "square100", _has_crops)
        self._mels = self._first(features, "*mel*.h5", "logmel", lambda file: not file.folds and bool(file.clip_ids()))

    def _first(
        self, features: Path, pattern: str, wanted: str, fits: Callable[[FeatureFile], bool]
    ) -> FeatureFile | None:
        """Return the wanted file, or the first that has what is looked for, open; a damaged one is passed over."""
        for path in sorted(features.glob(pattern), key=lambda path: (path.stem != wanted, path.stem)):
            try:
                file = FeatureFile(path)
            except ArtifactError:
                continue
            if fits(file):
                return self.enter_context(file)
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


def _tile(file: FeatureFile, clip_id: str, row: int, seen: bool) -> np.ndarray:
    """Return (FACE_PX, FACE_PX, 3), the crop of one frame, cut or padded to nothing: only scaled."""
    tile = np.full((FACE_PX, FACE_PX, 3), _UNSEEN, np.uint8)
    if not seen:
        return tile
    crop = file.part_of(clip_id, slice(row, row + 1), ["crops"]).extra["crops"][0]
    scale = FACE_PX / max(crop.shape[:2])
    height, width = (max(1, round(scale * side)) for side in crop.shape[:2])
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
