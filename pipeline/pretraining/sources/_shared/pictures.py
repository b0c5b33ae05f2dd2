"""Pictures: reading them, a share to hold out, and what training changes about them, and about clips."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path, PurePosixPath

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.pretraining.sources._shared.classes import Corpus, Kind, read
from pipeline.training.task import Run

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


class Changes(Settings):
    """What training changes about a picture, and how many pictures it never sees."""

    held_out: float = Field(gt=0, le=0.5, description="share of every class's pictures never trained on: each 1/n-th")
    shift_px: int = Field(ge=0, le=20, description="random shift of training pictures, px")
    grey: float = Field(ge=0, le=1, description="share of training pictures shown without colour, so that shape counts")
    tint: float = Field(ge=0, lt=1, description="random gain of every colour channel, 1 +- tint")

    def changed(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """See `augment`."""
        return augment(pictures.float(), generator, self.shift_px, self.grey, self.tint)


def read_pictures(root: Path, kind: Kind, px: int, share: float, run: Run, enlarging: int = cv2.INTER_LINEAR) -> Corpus:
    """Return pictures (N, 3, px, px); evenly spaced ones of every class, this share of them, are held out.

    `enlarging` is OpenCV's interpolation of those that are smaller. CorpusError: see `read`.
    """
    return read(root, kind, SUFFIXES, partial(_picture, px, enlarging), partial(_held_out, share), run)


def _picture(px: int, enlarging: int, path: Path) -> np.ndarray:
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:  # more pixels than OpenCV agrees to read
        raise ClipError("decode_error", error.err) from error
    if picture is None:
        raise ClipError("decode_error", "not a readable picture")
    how = cv2.INTER_AREA if min(picture.shape[:2]) > px else enlarging
    square = cv2.cvtColor(cv2.resize(picture, (px, px), interpolation=how), cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(square.transpose(2, 0, 1))


def _held_out(share: float, paths: list[PurePosixPath]) -> set[PurePosixPath]:
    step, of_class = max(2, round(1 / share)), defaultdict(list)
    for path in paths:
        of_class[path.parent].append(path)
    return {path for found in of_class.values() for path in found[step - 1 :: step] or found[:1]}


def augment(
    pictures: torch.Tensor, generator: torch.Generator, shift_px: int, grey: float, tint: float, mirror: bool = True
) -> torch.Tensor:
    """Mirror half of the pictures, tint all, take the colour from some, and shift the batch by one draw.

    `pictures` are (B, 3, ..., H, W) float; whatever lies between, such as frames, is changed in the same way. The
    largest shift is in px, `grey` is a share, the gains of the colour channels are 1 +- tint.
    """
    ones = (1,) * (pictures.ndim - 2)

    def chosen(share: float) -> torch.Tensor:
        return (torch.rand(len(pictures), generator=generator) < share).view(-1, 1, *ones)

    if mirror:
        pictures = torch.where(chosen(0.5), pictures.flip(-1), pictures)
    pictures = pictures * (1 + tint * (2 * torch.rand((len(pictures), 3, *ones), generator=generator) - 1))
    pictures = torch.where(chosen(grey), pictures.mean(dim=1, keepdim=True), pictures)
    dy, dx = (int(torch.randint(-shift_px, shift_px + 1, (1,), generator=generator)) for _ in range(2))
    return torch.roll(pictures, (dy, dx), (-2, -1))
