"""What belongs to a clip beside its features: its row of the manifest, its sound, and pictures of the face."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.feature_file import feature_file
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import ArtifactError, SettingsError, did_you_mean
from pipeline.core.settings import read_params, section
from pipeline.core.store import FeatureFile

_RATE_HZ = 16000
_STEP_S = 0.005
_MANY = 5000
"""Beyond so many clips the nearest name is not looked for."""
_FIRST_CROPS, _BOXES = "square100.h5", "faces.h5"


@dataclass(frozen=True)
class Media:
    """The media file of a clip of the manifest."""

    clip: Clip
    path: Path

    def envelope(self) -> tuple[np.ndarray, np.ndarray]:
        """Return (times (N,) s, smallest and largest sample (N, 2) in each step of 5 ms), a ClipError without sound."""
        from pipeline.media.decode import read_audio_blocks

        step, parts = round(_STEP_S * _RATE_HZ), []
        for block in read_audio_blocks(self.path, _RATE_HZ, self.clip.start, self.clip.end):
            begins = np.arange(0, len(block), step)  # blocks hold whole steps, but for the last
            parts.append(np.stack([np.minimum.reduceat(block, begins), np.maximum.reduceat(block, begins)], axis=1))
        found = np.concatenate(parts)
        return np.arange(len(found)) * _STEP_S, found

    def pictures(self, times: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the frame shown at each of some rising times (N,) s, (H, W, 3) uint8, a ClipError without a picture."""
        from pipeline.media.decode import read_frames

        wanted = iter(times.tolist())
        time = next(wanted, None)
        for shown, rgb in read_frames(self.path, self.clip.start, self.clip.end):
            while time is not None and shown >= time - 1e-6:
                yield rgb
                time = next(wanted, None)
            if time is None:
                return


def clip_of(clip_id: str, features: Path) -> Clip:
    """Return a clip's row of the manifest in a folder of features."""
    manifest = features / "manifest.csv"
    clips = {clip.clip_id: clip for clip in read_manifest(manifest)}
    if clip_id not in clips:
        near = did_you_mean(clip_id, clips) if len(clips) < _MANY else ""
        raise ArtifactError(f"{manifest}: no clip '{clip_id}'{near}")
    return clips[clip_id]


def media_of(features: Path, clip_id: str, params: Path, root: Path | None) -> Media:
    """Return the media file of a clip of the manifest among its features, in `root` or where params.yaml says."""
    clip, key = clip_of(clip_id, features), f"corpora.{features.resolve().name}.root"
    place = root or section(read_params(params), key)
    if not isinstance(place, str | Path):
        raise SettingsError(f"{params}: {key}: expected a folder")
    path = clip.file(Path(place))
    if not path.is_file():
        raise ArtifactError(f"{path}: no such media file")
    return Media(clip, path)


def faces_at(
    file: FeatureFile, clip_id: str, key: str, times: np.ndarray, media: Media | None
) -> tuple[str, list[np.ndarray | None]]:
    """Return where pictures of the face come from (crops of the file itself in the group `key`, those of a file beside
    it, or cut out of the media by `faces.h5`), and one (H, W, 3) uint8 for each rising time, s; None where unobserved.
    """
    if (found := _crops(file, key, times)) is not None:
        return file.path.name, found
    folder = file.path.parent
    for path in sorted(folder.glob("*.h5"), key=lambda path: (path.name != _FIRST_CROPS, path.name)):
        # a damaged neighbour costs no picture of this file
        with suppress(ArtifactError), feature_file(path) as beside:
            if path != file.path and (found := _crops(beside, clip_id, times)) is not None:
                return path.name, found
    if not (folder / _BOXES).is_file() or media is None:
        raise ArtifactError(f"{folder}: no crops of the clip beside the file, and no {_BOXES} with the media")
    return f"{_BOXES} and the media", _cut(folder / _BOXES, clip_id, times, media)


def _crops(file: FeatureFile, key: str, times: np.ndarray) -> list[np.ndarray | None] | None:
    if not file.holds(key) or "crops" not in file.part_of(key, slice(0, 0)).extra:
        return None
    shown, mask = file.frames(key)
    at = zip(_nearest(shown, times), _after(shown, times), strict=True)
    crops = (None if late or not mask[n] else file.part_of(key, slice(n, n + 1), ["crops"]) for n, late in at)
    return [None if crop is None else crop.extra["crops"][0] for crop in crops]


def _nearest(shown: np.ndarray, times: np.ndarray) -> list[int]:
    return [int(np.abs(shown - time).argmin()) for time in times] if len(shown) else []


def _after(shown: np.ndarray, times: np.ndarray) -> list[bool]:
    """Return which times lie after the end of the video: later than the last frame by more than frames are apart."""
    step = float(np.diff(shown).max()) if len(shown) > 1 else np.inf
    return (times > shown[-1] + step + 1e-6).tolist() if len(shown) else []


def _cut(path: Path, clip_id: str, times: np.ndarray, media: Media) -> list[np.ndarray | None]:
    with feature_file(path) as file:
        if not file.holds(clip_id):
            raise ArtifactError(f"{path}: no clip '{clip_id}' in it; its ledger says why")
        found = file.read(clip_id, names=())
    at, late = _nearest(found.times, times), _after(found.times, times)
    pictures = zip(at, late, media.pictures(found.times[at]), strict=False)
    return [_box(rgb, found.values[n]) if found.mask[n] and not after else None for n, after, rgb in pictures]


def _box(rgb: np.ndarray, box: np.ndarray) -> np.ndarray | None:
    left, top, right, bottom = (max(0, round(float(edge))) for edge in box)
    found = rgb[top:bottom, left:right]
    return found if found.size else None
