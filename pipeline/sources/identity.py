"""Source task of pool5: name whose face it is, Huang et al. 2017, section 3.2.

Corpus layout: one folder of pictures per identity, at any size; they are scaled to 100x100.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import ClipError, CorpusError
from pipeline.core.ledger import Entry
from pipeline.core.parallel import progress
from pipeline.core.settings import Settings
from pipeline.networks.face_cnn import INPUT_PX, FaceCNN, normalise_faces
from pipeline.source_task import Examples, LoopParams, Run, Task, Trained
from pipeline.training import accuracy, fit

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


class Params(Settings):
    """Network and training."""

    width: float = Field(gt=0, le=1, description="scale of the inner layers; 1 = the full network")
    held_out: float = Field(
        gt=0, le=0.5, description="share of every identity's pictures never trained on: each 1/n-th"
    )
    shift_px: int = Field(ge=0, le=20, description="random shift of training pictures, px")
    grey: float = Field(ge=0, le=1, description="share of training pictures shown without colour, so that shape counts")
    tint: float = Field(ge=0, lt=1, description="random gain of every colour channel, 1 +- tint")
    loop: LoopParams


def _folders(root: Path) -> list[Path]:
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []
    if len(folders) < 2:
        raise CorpusError(
            f"{root}: {len(folders)} identity folders; the source corpus needs one folder per identity, 2 at least"
        )
    return folders


def speakers(root: Path, _: Params) -> set[str]:
    """Return the names of all identities of the source corpus."""
    return {folder.name for folder in _folders(root)}


def _picture(path: Path) -> np.ndarray:
    try:
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    except cv2.error as error:  # more pixels than OpenCV agrees to read
        raise ClipError("decode_error", error.err) from error
    if picture is None:
        raise ClipError("decode_error", "not a readable picture")
    return cv2.resize(picture, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA)[..., ::-1]


def _pictures(folder: Path, stage: str) -> tuple[list[np.ndarray], list[Entry]]:
    """Return the pictures of one identity, none where there are fewer than 2, and the ledger entries."""
    found, read, failed = [], [], []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")):
        name = f"{folder.name}/{path.name}"
        try:
            found.append(_picture(path))
            read.append(Entry(name, stage))
        except ClipError as error:
            failed.append(Entry(name, stage, "failed", error.reason, error.detail))
    if len(found) < 2:
        detail = f"{len(found)} readable; an identity needs 2, one to learn from and one to hold out"
        return [], [*failed, Entry(folder.name, stage, "failed", "too_few_pictures", detail)]
    return found, [*read, *failed]


@dataclass(frozen=True)
class _Corpus:
    learn: Examples
    held: Examples
    identities: list[str]
    ledger: list[Entry]


def _read(root: Path, share: float, run: Run) -> _Corpus:
    """Return training and held-out pictures: evenly spaced ones of every identity are held out."""
    sides: tuple[list, list] = ([], [])
    identities: list[str] = []
    ledger: list[Entry] = []
    folders = _folders(root)
    step = max(2, round(1 / share))
    for folder in progress(folders, len(folders), "reading faces", "identity"):
        pictures, entries = _pictures(folder, run.stage)
        ledger += entries
        for number, picture in enumerate(pictures):
            held = number % step == step - 1 or (len(pictures) < step and number == 0)
            sides[held].append((picture, len(identities)))
        identities += [folder.name] * bool(pictures)
    run.on_ledger(ledger)
    if len(identities) < 2:
        raise CorpusError(
            f"{root}: {len(identities)} identities with 2 readable pictures; the source task needs 2 at least, "
            "its ledger names what is wrong"
        )
    return _Corpus(_examples(sides[0]), _examples(sides[1]), identities, ledger)


def _examples(items: list[tuple[np.ndarray, int]]) -> Examples:
    pictures = np.stack([picture for picture, _ in items]).transpose(0, 3, 1, 2)
    return Examples(torch.from_numpy(pictures.copy()), torch.tensor([label for _, label in items]))


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train the face CNN on identities.

    Raises:
        CorpusError: fewer than two identities with two readable pictures
        SettingsError: the device is not there
    """
    corpus = _read(root, params.held_out, run)
    shape: dict[str, Any] = {"identities": len(corpus.identities), "width": params.width}
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(pictures: torch.Tensor, training: bool) -> torch.Tensor:
        return normalise_faces(_augment(pictures.float(), params, generator) if training else pictures)

    torch.manual_seed(params.loop.seed)
    task = Task(
        FaceCNN(**shape),
        corpus.learn,
        corpus.held,
        prepare,
        __name__,
        params.model_dump(),
        generators={"augmentation": generator},
    )
    state, history = fit(task, params.loop, run)
    metrics = {
        "held_out_identity_accuracy": round(accuracy(task.network, corpus.held, params.loop.batch, prepare, run), 4),
        "chance": round(1 / shape["identities"], 4),
        "pictures": len(corpus.learn.labels),
        "held_out_pictures": len(corpus.held.labels),
    }
    return Trained(state, {"network": shape, "identities": corpus.identities}, history, metrics, corpus.ledger)


def _augment(faces: torch.Tensor, params: Params, generator: torch.Generator) -> torch.Tensor:
    """Mirror half of the faces, tint all, take the colour from some, and shift the batch by one draw."""

    def chosen(share: float) -> torch.Tensor:
        return (torch.rand(len(faces), generator=generator) < share)[:, None, None, None]

    faces = torch.where(chosen(0.5), faces.flip(3), faces)
    faces = faces * (1 + params.tint * (2 * torch.rand((len(faces), 3, 1, 1), generator=generator) - 1))
    faces = torch.where(chosen(params.grey), faces.mean(dim=1, keepdim=True), faces)
    reach = params.shift_px
    dy, dx = (int(torch.randint(-reach, reach + 1, (1,), generator=generator)) for _ in range(2))
    return torch.roll(faces, (dy, dx), (2, 3))
