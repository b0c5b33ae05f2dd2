"""`python -m pipeline faces`: sheets of how the face was followed, and a page over all clips, worst coverage first."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.cli.inspect.clip_media import clip_of
from pipeline.cli.tools.contact_sheet import draw_sheet, untracked
from pipeline.cli.tools.explain import Places, said_of, why_of
from pipeline.core.clip import Clip, read_manifest
from pipeline.core.errors import ArtifactError, ClipError
from pipeline.core.files import atomic_path
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.store import ClipFeatures, opened
from pipeline.engine.parallel import ordered_map
from pipeline.faces.tracking.tracker import INTERPOLATED
from pipeline.media.decode import read_frames
from pipeline.reporting.html.page import render
from pipeline.runner.terminal import count

STAGE, _LEDGER = "track_faces", "faces.ledger.csv"
_FRAMES_OF_ONE, _FRAMES_OF_ALL = 24, 6


class _Line(NamedTuple):
    clip_id: str
    coverage: float
    between: float
    others: int
    said: str
    sheet: str


def _drawn(places: Places, item: tuple[Clip, Entry]) -> _Line:
    """Draw and write the small sheet of one clip, in a worker process."""
    clip, entry = item
    faces, sheet = _sheet(clip, places, _FRAMES_OF_ALL)
    name = _write(clip.clip_id, ".jpg", places, sheet).name if sheet is not None else ""
    observed = faces.mask.mean() if len(faces.mask) else 0.0
    between = (faces.extra["how"][faces.mask] == INTERPOLATED).mean() if faces.mask.any() else 0.0
    others = max(0, faces.extra["tracks"].shape[1] - 1)
    return _Line(clip.clip_id, float(observed), float(between), others, why_of(entry), name)


def one(clip_id: str, places: Places) -> str:
    """Write the contact sheet of one clip, and return where it is and what it shows."""
    clip, entry = clip_of(clip_id, places.features), _clips(places)[1][clip_id]
    faces, sheet = _sheet(clip, places, _FRAMES_OF_ONE)
    words = f"{clip_id}: {said_of(entry)}"
    if sheet is None:
        return f"{words}; no frame of it can be shown"
    path = _write(clip_id, ".png", places, sheet)
    return f"{words}; a face in {faces.mask.sum()} of {len(faces.mask)} frames\n{path}"


def everyone(corpus: str, places: Places, workers: int) -> str:
    """Write a small sheet of every clip and the page over all of them, and return where it is and what it shows."""
    clips, entries = _clips(places)
    seen = [(clip, entries[name]) for name, clip in clips.items() if entries[name].status != "absent"]
    if not seen:
        why = f"no clip of {corpus} has a picture, so there is no face to show"
        raise ArtifactError(f"{places.features / _LEDGER}: {why}")
    drawn = ordered_map(partial(_drawn, places), seen, workers, f"{corpus}: faces")
    lines = sorted(drawn, key=lambda line: (line.coverage, -line.between, line.clip_id))
    path, mean = places.reports / "faces" / "index.html", float(np.mean([line.coverage for line in lines]))
    missing = len(clips) - len(seen)
    counted = count(len(lines), "clip") + (f" ({missing} more have no picture)" if missing else "")
    render("faces.html", path, corpus=corpus, counted=counted, lines=lines, mean=mean)
    worst = ", ".join(f"{line.clip_id} {line.coverage:.0%}" for line in lines[:3])
    return f"{counted}, a face in {mean:.1%} of the frames on average, worst: {worst}\n{path}"


def _clips(places: Places) -> tuple[dict[str, Clip], dict[str, Entry]]:
    clips = {clip.clip_id: clip for clip in read_manifest(places.features / "manifest.csv")}
    ledger = places.features / _LEDGER
    entries = {entry.clip_id: entry for entry in read_ledger(ledger) if entry.stage == STAGE}
    if not entries.keys() >= clips.keys():
        raise ArtifactError(f"{ledger}: not of the clips of the manifest; run `dvc repro {STAGE}`")
    return clips, entries


def _sheet(clip: Clip, places: Places, count: int) -> tuple[ClipFeatures, np.ndarray | None]:
    """Return what was found in a clip and its sheet, or no sheet where no frame of it can be decoded."""
    file = clip.file(places.root)
    try:
        found = opened(places.features / "faces.h5")
        times = (time for time, _ in read_frames(file, clip.start, clip.end))
        faces = found.read(clip.clip_id) if found.holds(clip.clip_id) else untracked(np.array(list(times)))
        return faces, draw_sheet(read_frames(file, clip.start, clip.end), faces, count)
    except ClipError:  # the ledger says why, and the page repeats it
        return untracked(np.zeros(0)), None


def _write(clip_id: str, suffix: str, places: Places, rgb: np.ndarray) -> Path:
    """Write a clip's sheet and return where; ids are checked to be names."""
    path = places.reports / "faces" / f"{clip_id}{suffix}"
    with atomic_path(path) as temporary:
        temporary.write_bytes(cv2.imencode(suffix, np.ascontiguousarray(rgb[..., ::-1]))[1].tobytes())
    return path
