"""`python -m pipeline faces`: contact sheets of how the face was followed, and a page over all clips, worst coverage
first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.cli.tools.contact_sheet import draw_sheet, untracked
from pipeline.cli.tools.explain import Places, clip_of, said_of
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import ArtifactError, ClipError
from pipeline.core.files import atomic_path
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import ClipFeatures, opened
from pipeline.engine.parallel import ordered_map
from pipeline.faces.tracking.tracker import INTERPOLATED
from pipeline.media.decode import read_frames
from pipeline.reporting.html.page import render

STAGE, _LEDGER = "track_faces", "faces.ledger.csv"
_FRAMES_OF_ONE, _FRAMES_OF_ALL = 24, 6


def _file(clip_id: str, places: Places, suffix: str) -> Path:
    """Return where a clip's sheet lies; ids are checked to be names."""
    return places.reports / "faces" / f"{clip_id}{suffix}"


@dataclass(frozen=True)
class _Line:
    """One clip on the page."""

    clip_id: str
    coverage: float
    between: float
    others: int
    said: str
    sheet: str


@dataclass(frozen=True)
class _Draw:
    """Draws and writes the small sheet of one clip; travels to worker processes."""

    places: Places

    def __call__(self, item: tuple[Clip, Entry]) -> _Line:
        clip, entry = item
        faces, sheet = _sheet(clip, self.places, _FRAMES_OF_ALL)
        path = _file(clip.clip_id, self.places, ".jpg")
        if sheet is not None:
            _write(path, sheet)
        observed = faces.mask.mean() if len(faces.mask) else 0.0
        between = (faces.extra["how"][faces.mask] == INTERPOLATED).mean() if faces.mask.any() else 0.0
        others = max(0, faces.extra["tracks"].shape[1] - 1)
        said = ": ".join(word for word in (entry.reason, entry.detail) if word)
        name = path.name if sheet is not None else ""
        return _Line(clip.clip_id, float(observed), float(between), others, said, name)


def one(clip_id: str, places: Places) -> str:
    """Write the contact sheet of one clip, and return where it is and what it shows.

    Raises:
        ArtifactError: no such clip, or the tracker has not run
    """
    clip, entry = clip_of(clip_id, places), _clips(places)[1][clip_id]
    faces, sheet = _sheet(clip, places, _FRAMES_OF_ONE)
    words = f"{clip_id}: {said_of(entry)}"
    if sheet is None:
        return f"{words}; no frame of it can be shown"
    path = _file(clip_id, places, ".png")
    _write(path, sheet)
    return f"{words}; a face in {faces.mask.sum()} of {len(faces.mask)} frames\n{path}"


def everyone(corpus: str, places: Places, workers: int) -> str:
    """Write a small sheet of every clip and the page over all of them, and return where it is and what it shows.

    Raises:
        ArtifactError: the tracker has not run, or no clip has a picture
    """
    clips, entries = _clips(places)
    seen = [(clip, entries[name]) for name, clip in clips.items() if entries[name].status != "absent"]
    if not seen:
        why = f"no clip of {corpus} has a picture, so there is no face to show"
        raise ArtifactError(f"{places.features / _LEDGER}: {why}")
    drawn = ordered_map(_Draw(places), seen, workers, f"{corpus}: faces")
    lines = sorted(drawn, key=lambda line: (line.coverage, -line.between, line.clip_id))
    path, mean = places.reports / "faces" / "index.html", float(np.mean([line.coverage for line in lines]))
    missing = len(clips) - len(seen)
    counted = f"{len(lines)} clips" + (f" ({missing} more have no picture)" if missing else "")
    render("faces.html", path, corpus=corpus, counted=counted, lines=lines, mean=mean)
    return f"{counted}, a face in {mean:.1%} of the frames on average, {_worst(lines)}\n{path}"


def _worst(lines: Sequence[_Line]) -> str:
    return f"worst: {', '.join(f'{line.clip_id} {line.coverage:.0%}' for line in lines[:3])}"


def _clips(places: Places) -> tuple[dict[str, Clip], dict[str, Entry]]:
    clips = {clip.clip_id: clip for clip in read_manifest(places.features / "manifest.csv")}
    ledger = places.features / _LEDGER
    entries = {entry.clip_id: entry for entry in read_ledger(ledger) if entry.stage == STAGE}
    if not entries.keys() >= clips.keys():
        raise ArtifactError(f"{ledger}: not of the clips of the manifest; run `dvc repro {STAGE}`")
    return clips, entries


def _sheet(clip: Clip, places: Places, count: int) -> tuple[ClipFeatures, np.ndarray | None]:
    """Return what was found in a clip and its sheet, or no sheet where no frame of it can be decoded."""
    file = places.root / clip.path
    try:
        found = opened(places.features / "faces.h5")
        faces = found.read(clip.clip_id) if found.holds(clip.clip_id) else untracked(_times(file, clip))
        return faces, draw_sheet(read_frames(file, clip.start, clip.end), faces, count)
    except ClipError:  # the ledger says why, and the page repeats it
        return untracked(np.zeros(0)), None


def _times(file: Path, clip: Clip) -> np.ndarray:
    return np.array([time for time, _ in read_frames(file, clip.start, clip.end)])


def _write(path: Path, rgb: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(cv2.imencode(path.suffix, np.ascontiguousarray(rgb[..., ::-1]))[1].tobytes())
