"""Source task of AlexNet: say what a picture shows; the stand-in for ImageNet in Zhang et al. 2017, section III.

Corpus layout: one folder of pictures per class, at any size; they are scaled and padded to 227x227. People may be
classes: the names of the folders are kept as names of speakers.

The last layer is trained along and thrown away later, as the paper does with fc8. Input is standardised as
torchvision's weights of ImageNet want it, so that weights trained here and those are fed alike.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from pipeline.networks.alexnet import INPUT_PX, AlexNet
from pipeline.pretraining.sources._shared.faces import loader
from pipeline.pretraining.sources._shared.networks import Built
from pipeline.pretraining.sources._shared.reading import CLASSES, read_pictures
from pipeline.pretraining.sources._shared.training import Changes, learn
from pipeline.training.task import Run, Trained

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's red, green and blue, in 0 to 1."""


class Params(Changes):
    """Network and training."""

    width: float = Field(gt=0, le=1, description="scale of all layers; 1 = the full network {Zhang III: 1}")
    dropout: float = Field(0.5, ge=0, lt=1, description="of fc6 and fc7; narrow networks learn faster without")


speakers = CLASSES.speakers


def standardise(pictures: torch.Tensor) -> torch.Tensor:
    """Return pictures (B, 3, 227, 227) of 0 to 255 with ImageNet's mean and deviation taken out; channels last."""
    mean, std = (255 * torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    pictures = pictures.to(torch.float32, memory_format=torch.channels_last)  # twice as fast on the CPU
    return (pictures - mean) / std


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train AlexNet on pictures."""
    corpus = read_pictures(root, CLASSES, params.held_out, loader(None, INPUT_PX, run), run)
    shape: dict[str, Any] = {"width": params.width, "classes": len(corpus.classes)}
    taken = {"size": INPUT_PX, "scale": 255, "mean": list(MEAN), "std": list(STD)}
    torch.manual_seed(params.loop.seed)
    made = Built(AlexNet(**shape, dropout=params.dropout), shape, standardise, taken)
    return learn(CLASSES, corpus, params, run, __name__, made)
