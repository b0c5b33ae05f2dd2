"""Source task of pool5: name whose face it is, Huang et al. 2017, section 3.2.

Corpus layout: one folder of pictures per identity, at any size; they are scaled to 100x100.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.core.errors import CorpusError
from pipeline.core.parallel import progress
from pipeline.core.settings import Settings
from pipeline.networks.face_cnn import INPUT_PX, FaceCNN, normalise_faces
from pipeline.training import Examples, LoopParams, Trained, accuracy, fit

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")


class Params(Settings):
    """Network and training."""

    width: float = Field(gt=0, le=1, description="scale of the inner layers; 1 = the full network")
    held_out: float = Field(gt=0, le=0.5, description="share of every identity's pictures never trained on: each 1/n-th")
    shift_px: int = Field(ge=0, le=20, description="random shift of training pictures, px")
    grey: float = Field(ge=0, le=1, description="share of training pictures shown without colour, so that shape counts")
    tint: float = Field(ge=0, lt=1, description="random gain of every colour channel, 1 +- tint")
    loop: LoopParams


def _folders(root: Path) -> list[Path]:
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")) if root.is_dir() else []
    if len(folders) < 2:
        raise CorpusError(f"{root}: {len(folders)} identity folders; the source corpus needs one folder per identity, 2 at least")
    return folders


def speakers(root: Path) -> set[str]:
    """Return the names of all identities of the source corpus."""
    return {folder.name for folder in _folders(root)}


def _pictures(folder: Path) -> list[np.ndarray]:
    found = []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and not p.name.startswith(".")):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise CorpusError(f"{path}: not a readable picture; mend or remove it")
        found.append(cv2.resize(picture, (INPUT_PX, INPUT_PX), interpolation=cv2.INTER_AREA)[..., ::-1])
    if len(found) < 2:
        raise CorpusError(f"{folder}: {len(found)} pictures; an identity needs 2, one to learn from and one to hold out")
    return found


def _split(root: Path, share: float) -> tuple[Examples, Examples]:
    """Return (training, held-out) pictures: evenly spaced ones of every identity are held out."""
    sides: tuple[list, list] = ([], [])
    folders = _folders(root)
    for label, folder in enumerate(progress(folders, len(folders), "reading faces", "identity")):
        pictures = _pictures(folder)
        step = max(2, round(1 / share))
        for number, picture in enumerate(pictures):
            sides[number % step == step - 1 or (len(pictures) < step and number == 0)].append((picture, label))
    return _examples(sides[0]), _examples(sides[1])


def _examples(items: list[tuple[np.ndarray, int]]) -> Examples:
    pictures = np.stack([picture for picture, _ in items]).transpose(0, 3, 1, 2)
    return Examples(torch.from_numpy(pictures.copy()), torch.tensor([label for _, label in items]))


def train(root: Path, params: Params) -> Trained:
    """Train the face CNN on identities.

    Raises:
        CorpusError: too few identities or pictures, or one that cannot be read
    """
    learn, held = _split(root, params.held_out)
    shape: dict[str, Any] = {"identities": int(learn.labels.max()) + 1, "width": params.width}
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(pictures: torch.Tensor, training: bool) -> torch.Tensor:
        return normalise_faces(_augment(pictures.float(), params, generator) if training else pictures)

    torch.manual_seed(params.loop.seed)
    network = FaceCNN(**shape)
    state, history = fit(network, learn, held, params.loop, prepare)
    metrics = {
        "held_out_identity_accuracy": round(accuracy(network, held, params.loop.batch, prepare), 4),
        "chance": round(1 / shape["identities"], 4),
        "pictures": len(learn.labels),
        "held_out_pictures": len(held.labels),
    }
    return Trained(state, {"network": shape, "identities": [f.name for f in _folders(root)]}, history, metrics)


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
