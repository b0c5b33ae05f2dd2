"""Pictures in one folder per class: reading them, a share to hold out, and what training changes about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.runner.progress import progress
from pipeline.training.task import Examples, Run

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


class Changes(Settings):
    """What training changes about a picture, and how many pictures it never sees."""

    held_out: float = Field(gt=0, le=0.5, description="share of every class's pictures never trained on: each 1/n-th")
    shift_px: int = Field(ge=0, le=20, description="random shift of training pictures, px")
    grey: float = Field(ge=0, le=1, description="share of training pictures shown without colour, so that shape counts")
    tint: float = Field(ge=0, lt=1, description="random gain of every colour channel, 1 +- tint")


@dataclass(frozen=True)
class Kind:
    """What the pictures are: what one class is called, and what many are; height and width that they are brought to,
    px, and OpenCV's interpolation for those that are smaller."""

    one: str
    many: str
    px: int
    enlarging: int


@dataclass(frozen=True)
class Corpus:
    """Pictures (N, 3, px, px) uint8, RGB, to learn from and held out; the classes that have any; the ledger."""

    learn: Examples
    held: Examples
    classes: list[str]
    ledger: list[Entry]


def folders(root: Path, one: str) -> list[Path]:
    """Return the folders of a corpus that has one per class.

    Args:
        root: folder of the corpus
        one: what a class is called

    Raises:
        CorpusError: fewer than two
    """
    found = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []
    if len(found) < 2:
        raise CorpusError(
            f"{root}: {len(found)} {one} folders; the source corpus needs one folder per {one}, 2 at least"
        )
    return found


def files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Return the visible files with one of some suffixes, in any letter case, sorted."""
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and not p.name.startswith("."))


def read(root: Path, kind: Kind, share: float, run: Run) -> Corpus:
    """Return training and held-out pictures: evenly spaced ones of every class are held out.

    Args:
        root: folder of the corpus
        kind: what its pictures are
        share: of the pictures that is held out
        run: what is told of the ledger, before a corpus is refused

    Raises:
        CorpusError: fewer than two classes with two readable pictures
    """
    sides: tuple[list, list] = ([], [])
    classes: list[str] = []
    ledger: list[Entry] = []
    found = folders(root, kind.one)
    step = max(2, round(1 / share))
    for folder in progress(found, len(found), "reading pictures", kind.one):
        pictures, entries = _of_class(folder, kind, run.stage)
        ledger += entries
        for number, picture in enumerate(pictures):
            held = number % step == step - 1 or (len(pictures) < step and number == 0)
            sides[held].append((picture, len(classes)))
        classes += [folder.name] * bool(pictures)
    run.on_ledger(ledger)
    if len(classes) < 2:
        raise CorpusError(
            f"{root}: {len(classes)} {kind.many} with 2 readable pictures; the source task needs 2 at least, "
            "its ledger names what is wrong"
        )
    return Corpus(_examples(sides[0]), _examples(sides[1]), classes, ledger)


def augment(
    pictures: torch.Tensor, generator: torch.Generator, shift_px: int, grey: float, tint: float, mirror: bool = True
) -> torch.Tensor:
    """Mirror half of the pictures, tint all, take the colour from some, and shift the batch by one draw.

    Args:
        pictures: (B, 3, ..., H, W) float; whatever lies between, such as frames, is changed in the same way
        generator: what the random numbers are drawn from
        shift_px: largest shift, px
        grey: share without colour
        tint: gains of the colour channels are 1 +- tint
        mirror: whether any is mirrored
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


def _picture(path: Path, kind: Kind) -> np.ndarray:
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:  # more pixels than OpenCV agrees to read
        raise ClipError("decode_error", error.err) from error
    if picture is None:
        raise ClipError("decode_error", "not a readable picture")
    how = cv2.INTER_AREA if min(picture.shape[:2]) > kind.px else kind.enlarging
    return cv2.cvtColor(cv2.resize(picture, (kind.px, kind.px), interpolation=how), cv2.COLOR_BGR2RGB)


def _of_class(folder: Path, kind: Kind, stage: str) -> tuple[list[np.ndarray], list[Entry]]:
    """Return the pictures of one class, none where there are fewer than 2, and the ledger entries."""
    found, good, failed = [], [], []
    for path in files(folder, SUFFIXES):
        name = f"{folder.name}/{path.name}"
        try:
            found.append(_picture(path, kind))
            good.append(Entry(name, stage))
        except ClipError as error:
            failed.append(Entry(name, stage, "failed", error.reason, error.detail))
    if len(found) < 2:
        detail = f"{len(found)} readable; every {kind.one} needs 2, one to learn from and one to hold out"
        return [], [*failed, Entry(folder.name, stage, "failed", "too_few_pictures", detail)]
    return found, [*good, *failed]


def _examples(items: list[tuple[np.ndarray, int]]) -> Examples:
    pictures = torch.from_numpy(np.stack([picture for picture, _ in items])).permute(0, 3, 1, 2).contiguous()
    return Examples(pictures, torch.tensor([label for _, label in items]))
