"""Source task of C3D: say what happens in a clip; the stand-in for Sports-1M in Zhang et al. 2017, section III.

Corpus layout: one folder of video files per class. 16 frames evenly spread over a file are used, so a file should hold
one action and little else; they are scaled to a square. All of them are held in memory, 0.2 MB per clip at 64 px and
0.6 MB at 112. All clips of a speaker are on one side.

The last layer is trained along and thrown away later, as the paper does with fc8.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from pydantic import Field, field_validator, model_validator

from pipeline.core.errors import ClipError, CorpusError
from pipeline.media.decode import read_frames
from pipeline.networks.c3d import FRAMES, Fc6, check_size
from pipeline.pretraining.sources._shared.networks import built
from pipeline.pretraining.sources._shared.reading import CLIPS, Corpus, Loaded, read
from pipeline.pretraining.sources._shared.training import Changes, augment, learn
from pipeline.pretraining.sources._shared.utterances import speaker_of, with_one_group
from pipeline.training.task import Run, Trained

SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".flv", ".wmv", ".m4v")


class Params(Changes):
    """Corpus, network and training."""

    width: float = Field(gt=0, le=1, description="scale of all layers; 1 = the full network {Zhang III: 1}")
    size: int = Field(112, ge=16, le=512, description="height and width of the frames, px")
    fc6: Fc6 = Field("published", description="how fc6 fits the size: published (112 only), adaptive, or new")
    speaker: str | None = Field(None, description="regular expression on a clip's path; its group is the speaker")
    held_out: float = Field(
        gt=0, le=0.5, description="share of the speakers never trained on, each 1/n-th; of the clips without `speaker`"
    )
    mirror: bool = Field(True, description="mirror half of the training clips; not where left and right tell classes")
    grey: float = Field(0.0, ge=0, le=1, description="share of training clips shown without colour")
    dropout: float = Field(0.5, ge=0, lt=1, description="of fc6 and fc7; narrow networks learn faster without")
    standardise: bool = Field(
        False,
        description="bring every colour of every clip to mean 0 and deviation 50, here and wherever these weights go, "
        "so that light, skin and camera tell nothing; published weights take pictures as they are",
    )

    _speaker_has_one_group = field_validator("speaker")(with_one_group)

    @model_validator(mode="after")
    def _frames_suit_fc6(self) -> Params:
        check_size(self.size, self.fc6)
        return self

    def changed(self, clips: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """See `augment`; clips are (B, 16, size, size, 3)."""
        first = clips.float().permute(0, 4, 1, 2, 3)
        changed = augment(first, generator, self.shift_px, self.grey, self.tint, self.mirror)
        return changed.permute(0, 2, 3, 4, 1)


def speakers(root: Path, params: Params) -> set[str]:
    """Return who the setting `speaker` finds in the paths of the source corpus; nobody without it."""
    return {speaker_of(path, params.speaker) for path in CLIPS.paths(root, SUFFIXES)} - {""}


def read_clips(root: Path, size: int, share: float, speaker: str | None, run: Run) -> Corpus:
    """Return clips (N, 16, size, size, 3); this share of the speakers is held out, each 1/n-th by name.

    `speaker` is a pattern on a clip's path; without it, or where it finds nobody, a clip stands for itself.

    Raises:
        CorpusError: fewer than two classes with two readable clips; nobody to hold out; a class of held-out clips only
    """
    hold_out = partial(_held_out, root, share, speaker)
    return read(root, CLIPS, SUFFIXES, partial(_loaded, size), hold_out, run)


def _loaded(size: int, path: Path) -> Loaded:
    return sixteen_frames(path, size), []


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


def _held_out(root: Path, share: float, speaker: str | None, clips: list[PurePosixPath]) -> set[PurePosixPath]:
    groups = {path: speaker_of(path, speaker) or path.as_posix() for path in clips}
    names = sorted(set(groups.values()))
    if len(names) < 2:
        raise CorpusError(
            f"{root}: all clips are of one speaker, {names[0]}; the source task needs another one to hold out; "
            "add clips, or mend the setting `speaker`"
        )
    step = max(2, round(1 / share))
    out = set(names[step - 1 :: step] or names[:1])
    held = {path for path in clips if groups[path] in out}
    lost = {path.parent.name for path in clips} - {path.parent.name for path in clips if path not in held}
    if lost:
        raise CorpusError(
            f"{root}: all clips of the class {min(lost)} are of speakers who are held out; add clips of others, "
            "lower held_out, or leave the class out"
        )
    return held


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train C3D on clips."""
    corpus = read_clips(root, params.size, params.held_out, params.speaker, run)
    shape = (len(corpus.classes), params.width, params.size, params.dropout, params.loop.seed, params.fc6)
    return learn(CLIPS, corpus, params, run, __name__, built("c3d", *shape, standardise=params.standardise))
