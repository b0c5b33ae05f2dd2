"""Clips of video in one folder per class: 16 pictures of each, and whole groups of clips to hold out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.engine.parallel import ordered_map
from pipeline.media.decode import read_frames
from pipeline.networks.c3d import FRAMES
from pipeline.pretraining.sources._shared.names import speaker_of
from pipeline.pretraining.sources._shared.pictures import files, folders
from pipeline.training.task import Examples, Run

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".flv", ".wmv", ".m4v")


@dataclass(frozen=True)
class Corpus:
    """Clips (N, 16, size, size, 3) uint8, RGB, to learn from and held out; the classes that have any; the ledger."""

    learn: Examples
    held: Examples
    classes: list[str]
    ledger: list[Entry]


def paths_of(root: Path) -> list[PurePosixPath]:
    """Return the video files of a corpus, relative to its folder, by class and name.

    Raises:
        CorpusError: fewer than two classes
    """
    found = [path for folder in folders(root, "class") for path in files(folder, SUFFIXES)]
    return [PurePosixPath(path.relative_to(root)) for path in found]


def read(root: Path, size: int, share: float, speaker: str | None, run: Run) -> Corpus:
    """Return training and held-out clips; all clips of a speaker are on one side.

    Args:
        root: folder of the corpus
        size: height and width that frames are brought to, px
        share: of the speakers that is held out, each 1/n-th by name; of the clips, where nobody is known
        speaker: pattern on a clip's path whose group finds the speaker; None = every clip stands for itself
        run: workers, and what is told of the ledger before a corpus is refused

    Raises:
        CorpusError: fewer than two classes with two readable clips; nobody to hold out; a class of held-out clips only
    """
    clips, ledger = _readable(root, size, run)
    run.on_ledger(ledger)
    classes = sorted({path.parent.name for path in clips})
    if len(classes) < 2:
        raise CorpusError(
            f"{root}: {len(classes)} classes with 2 readable clips; the source task needs 2 at least, "
            "its ledger names what is wrong"
        )
    groups = {path: speaker_of(path, speaker) or path.as_posix() for path in clips}
    held = _held_out(root, sorted(set(groups.values())), share)
    learn = [path for path in clips if groups[path] not in held]
    _check_classes(root, classes, learn)
    judged = [path for path in clips if groups[path] in held]
    return Corpus(_examples(clips, learn, classes), _examples(clips, judged, classes), classes, ledger)


def _readable(root: Path, size: int, run: Run) -> tuple[dict[PurePosixPath, np.ndarray], list[Entry]]:
    """Return the clips of classes that have 2 at least, and the ledger."""
    paths = paths_of(root)
    results = list(ordered_map(partial(_read, root, size, run.stage), paths, run.workers, "reading clips"))
    clips = {path: clip for path, (clip, _) in zip(paths, results, strict=True) if clip is not None}
    counts = Counter(path.parent.name for path in clips)
    few = [folder.name for folder in folders(root, "class") if counts[folder.name] < 2]
    ledger = [
        entry for path, (_, entry) in zip(paths, results, strict=True) if entry.reason or path.parent.name not in few
    ]
    for name in few:
        detail = f"{counts[name]} readable; every class needs 2, one to learn from and one to hold out"
        ledger.append(Entry(name, run.stage, "failed", "no_input", detail))
    return {path: clip for path, clip in clips.items() if path.parent.name not in few}, ledger


def _read(root: Path, size: int, stage: str, path: PurePosixPath) -> tuple[np.ndarray | None, Entry]:
    try:
        return sixteen_frames(root / path, size), Entry(path.as_posix(), stage)
    except ClipError as error:
        return None, Entry(path.as_posix(), stage, "failed", error.reason, error.detail)


def sixteen_frames(path: Path, size: int) -> np.ndarray:
    """Return 16 frames evenly spread over a clip, from its first to its last, (16, size, size, 3) uint8; some twice
    where it has fewer.

    Raises:
        ClipError: missing_file; decode_error; no_video; too_short, a single frame
    """
    found = [_resized(frame, size) for _, frame in read_frames(path)]
    if len(found) < 2:
        raise ClipError("too_short", "a single frame; nothing moves in it")
    return np.stack([found[row] for row in np.linspace(0, len(found) - 1, FRAMES).round().astype(int)])


def _resized(frame: np.ndarray, size: int) -> np.ndarray:
    how = cv2.INTER_AREA if size < min(frame.shape[:2]) else cv2.INTER_LINEAR
    return cv2.resize(frame, (size, size), interpolation=how)


def _held_out(root: Path, groups: list[str], share: float) -> set[str]:
    if len(groups) < 2:
        raise CorpusError(
            f"{root}: all clips are of one speaker, {groups[0]}; the source task needs another one to hold out; "
            "add clips, or mend the setting `speaker`"
        )
    step = max(2, round(1 / share))
    return set(groups[step - 1 :: step] or groups[:1])


def _check_classes(root: Path, classes: list[str], learn: list[PurePosixPath]) -> None:
    lost = set(classes) - {path.parent.name for path in learn}
    if lost:
        raise CorpusError(
            f"{root}: all clips of the class {min(lost)} are of speakers who are held out; add clips of others, "
            "lower held_out, or leave the class out"
        )


def _examples(
    clips: Mapping[PurePosixPath, np.ndarray], chosen: Sequence[PurePosixPath], classes: list[str]
) -> Examples:
    labels = torch.tensor([classes.index(path.parent.name) for path in chosen])
    return Examples(torch.from_numpy(np.stack([clips[path] for path in chosen])), labels)
