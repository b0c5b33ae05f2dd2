"""Source task of AlexNet: say what a picture shows; the stand-in for ImageNet in Zhang et al. 2017, section III.

Corpus layout: one folder of pictures per class, at any size; they are scaled to 227x227. People may be classes: the
names of the folders are kept as names of speakers.

The last layer is trained along and thrown away later, as the paper does with fc8. Input is standardised as
torchvision's weights of ImageNet want it, so that weights trained here and those are fed alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import torch
from pydantic import Field

from pipeline.networks.alexnet import INPUT_PX, AlexNet
from pipeline.pretraining.sources._shared.pictures import Changes, Kind, augment, folders, read
from pipeline.training.fitting import accuracy, fit
from pipeline.training.task import LoopParams, Run, Task, Trained

KIND = Kind("class", "classes", INPUT_PX, cv2.INTER_LINEAR)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, in 0 to 1."""


class Params(Changes):
    """Network and training."""

    width: float = Field(gt=0, le=1, description="scale of all layers; 1 = the full network {Zhang III: 1}")
    dropout: float = Field(0.5, ge=0, lt=1, description="of fc6 and fc7; narrow networks learn faster without")
    loop: LoopParams = Field(description="training")


def speakers(root: Path, _: Params) -> set[str]:
    """Return the names of all classes of the source corpus, any of which may be a person's."""
    return {folder.name for folder in folders(root, KIND.one)}


def standardise(pictures: torch.Tensor) -> torch.Tensor:
    """Return pictures (B, 3, 227, 227) of 0 to 255 with ImageNet's mean and deviation taken out; channels last."""
    mean, std = (255 * torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    pictures = pictures.to(torch.float32, memory_format=torch.channels_last)  # twice as fast on the CPU
    return (pictures - mean) / std


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train AlexNet on pictures.

    Raises:
        CorpusError: fewer than two classes with two readable pictures
        SettingsError: the device is not there
    """
    corpus = read(root, KIND, params.held_out, run)
    shape: dict[str, Any] = {"width": params.width, "classes": len(corpus.classes)}
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(pictures: torch.Tensor, training: bool) -> torch.Tensor:
        if training:
            pictures = augment(pictures.float(), generator, params.shift_px, params.grey, params.tint)
        return standardise(pictures)

    torch.manual_seed(params.loop.seed)
    generators = {"augmentation": generator}
    network = AlexNet(**shape, dropout=params.dropout)
    task = Task(
        network, corpus.learn, corpus.held, prepare, __name__, params.model_dump(mode="json"), generators=generators
    )
    state, history = fit(task, params.loop, run)
    metrics = {
        "held_out_accuracy": round(accuracy(network, corpus.held, params.loop.batch, prepare, run), 4),
        "chance": round(1 / len(corpus.classes), 4),
        "pictures": len(corpus.learn.labels),
        "held_out_pictures": len(corpus.held.labels),
    }
    config = {
        "network": shape,
        "classes": corpus.classes,
        "input": {"size": INPUT_PX, "scale": 255, "mean": list(MEAN), "std": list(STD)},
    }
    return Trained(state, config, history, metrics, corpus.ledger)
