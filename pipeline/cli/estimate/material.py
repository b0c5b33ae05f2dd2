"""How much there is to compute on: clips, their seconds, and the folds of their protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

from pipeline.cli.tools.corpus_check import settings_of
from pipeline.core.clip import Clip
from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.settings import section
from pipeline.corpora import LEFT_OUT
from pipeline.manifest.build import labelled_clips
from pipeline.manifest.settings import CorpusParams, load_adapter, protocol_of
from pipeline.media.decode import opened
from pipeline.media.streams import chosen
from pipeline.protocols.assign import make_folds
from pipeline.protocols.published import PUBLISHED

SAMPLE = 24
"""Clips whose length is looked at."""
UNSEEN_S, UNSEEN_FPS = 3.0, 25.0
"""Seconds, where nothing is said, and frame rate of a clip of a corpus that is not here."""


@dataclass(frozen=True)
class Material:
    """Clips, all their seconds, video frames a second (0 = no video), bytes; and (training, all) clips of each fold."""

    clips: int
    seconds: float
    fps: float
    size: float
    folds: Sequence[tuple[int, int]]
    classes: int
    told: str


def material_of(name: str, params: Mapping[str, Any], count: int = 0, seconds: float = 0) -> Material:
    """Return the material of a corpus; of one whose folder is not here, that of so many clips of so many seconds, or of
    as many as it was published with.
    """
    corpus = settings_of(name, section(params, "corpora"), "")
    if count or not Path(corpus.root).is_dir():
        return _unseen(name, corpus, count, seconds or UNSEEN_S)
    clips = [clip for _, clip in labelled_clips(name, corpus) if clip.emotion != LEFT_OUT]
    if not clips:
        raise CorpusError(f"{corpus.root}: no labelled clip; mend corpora.{name} in params.yaml")
    chosen = clips[:: max(1, len(clips) // SAMPLE)][:SAMPLE]
    found = [one for one in (_looked_at(Path(corpus.root), clip) for clip in chosen) if one]
    if not found:
        raise CorpusError(f"{corpus.root}: none of {len(chosen)} clips can be read; see `python -m pipeline doctor`")
    length, fps, size = (mean(values) for values in zip(*found, strict=True))
    parts = [list(fold.values()) for fold in make_folds(clips, protocol_of(name, corpus), Path(corpus.root))]
    folds = [(fold.count("train"), len(fold)) for fold in parts]
    told = f"{len(clips)} clips in {corpus.root}, {length:.1f} s long on average of the {len(found)} that were measured"
    emotions = len({clip.emotion for clip in clips})
    return Material(len(clips), length * len(clips), fps, size * len(clips), folds, emotions, told)


def _unseen(name: str, corpus: CorpusParams, clips: int, seconds: float) -> Material:
    adapter, protocol = load_adapter(name, corpus), protocol_of(name, corpus)
    expected: Mapping[str, int] = getattr(adapter, "EXPECTED", {})
    words = "as asked for" if clips else "as published"
    clips = clips or expected.get("clips", 0)
    if not clips:
        raise CorpusError(f"{corpus.root} is not here, nor a published count; say how many: --clips N --seconds S")
    groups = protocol.groups if isinstance(protocol.groups, int) else len(protocol.groups)
    published = {name: len(known.groups) for name, known in PUBLISHED.items()}
    folds = {"loso": expected.get("speakers", 10), "logso": groups, "kfold": groups, **published}.get(protocol.name, 1)
    share = (1 - 1 / folds) * (1 - protocol.validation) if folds > 1 else 0.7
    told = f"{clips} clips {words}, of {seconds:g} s each (assumed: {corpus.root} is not looked at)"
    classes = len(set(adapter.LABELS.values()) - {LEFT_OUT})
    each = [(round(share * clips), clips)] * folds
    return Material(clips, clips * seconds, UNSEEN_FPS, clips * seconds * 1e5, each, classes, told)


def _looked_at(root: Path, clip: Clip) -> tuple[float, float, float] | None:
    """Return seconds, frames a second and bytes of a clip by its container; None where it cannot be opened."""
    path = clip.file(root)
    try:
        with opened(path) as container:
            whole = (container.duration or 0) / 1e6
            fps = _frame_rate(container, path)
    except (ClipError, OSError):
        return None
    begin, end = clip.start or 0.0, clip.end if clip.end is not None else whole
    return max(0.0, end - begin) or UNSEEN_S, fps, float(path.stat().st_size)


def _frame_rate(container: Any, path: Path) -> float:
    """Return frames a second of the video stream that is read; 0 where there is none that can be."""
    try:
        video, _ = chosen(container, "video", partial(opened, path))
    except ClipError:
        return 0.0
    return float(video.average_rate or UNSEEN_FPS)
