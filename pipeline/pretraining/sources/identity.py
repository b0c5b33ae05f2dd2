"""Source task of pool5: name whose face it is, Huang et al. 2017, section 3.2.

Corpus layout: one folder of pictures per identity, at any size; they are scaled to 100x100.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import torch
from pydantic import Field

from pipeline.networks.face_cnn import INPUT_PX, FaceCNN, normalise_faces
from pipeline.pretraining.sources._shared.pictures import Changes, Kind, augment, folders, read
from pipeline.training.fitting import accuracy, fit
from pipeline.training.task import LoopParams, Run, Task, Trained

# area means also enlarge, as in extractors/pool5.py
KIND = Kind("identity", "identities", INPUT_PX, cv2.INTER_AREA)


class Params(Changes):
    """Network and training."""

    width: float = Field(
        gt=0,
        le=1,
        description="scale of the inner layers; 1 = the full network; pool5 has 9216 columns at every width {Huang "
        "3.2, Fig. 4: 1}",
    )
    loop: LoopParams = Field(description="training")


def speakers(root: Path, _: Params) -> set[str]:
    """Return the names of all identities of the source corpus."""
    return {folder.name for folder in folders(root, KIND.one)}


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train the face CNN on identities.

    Raises:
        CorpusError: fewer than two identities with two readable pictures
        SettingsError: the device is not there
    """
    corpus = read(root, KIND, params.held_out, run)
    shape: dict[str, Any] = {"identities": len(corpus.classes), "width": params.width}
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(pictures: torch.Tensor, training: bool) -> torch.Tensor:
        if training:
            pictures = augment(pictures.float(), generator, params.shift_px, params.grey, params.tint)
        return normalise_faces(pictures)

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
    return Trained(state, {"network": shape, "identities": corpus.classes}, history, metrics, corpus.ledger)
