"""Source task of C3D: say what happens in a clip; the stand-in for Sports-1M in Zhang et al. 2017, section III.

Corpus layout: one folder of video files per class. 16 frames evenly spread over a file are used, so a file should hold
one action and little else; they are scaled to a square. All of them are held in memory, 0.2 MB per clip at 64 px and
0.6 MB at 112.

The last layer is trained along and thrown away later, as the paper does with fc8.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import Field, field_validator, model_validator

from pipeline.core.settings import Settings
from pipeline.networks.c3d import C3D, FRAMES, MEAN, Fc6, check_size, normalise_clips
from pipeline.pretraining.sources._shared.clips import paths_of, read
from pipeline.pretraining.sources._shared.names import speaker_of, with_one_group
from pipeline.pretraining.sources._shared.pictures import augment
from pipeline.training.fitting import accuracy, fit
from pipeline.training.task import LoopParams, Run, Task, Trained


class Params(Settings):
    """Corpus, network and training."""

    width: float = Field(gt=0, le=1, description="scale of all layers; 1 = the full network {Zhang III: 1}")
    size: int = Field(112, ge=16, le=512, description="height and width of the frames, px")
    fc6: Fc6 = Field("published", description="how fc6 fits the size: published (112 only), adaptive, or new")
    speaker: str | None = Field(None, description="regular expression on a clip's path; its group is the speaker")
    held_out: float = Field(
        gt=0, le=0.5, description="share of the speakers never trained on, each 1/n-th; of the clips without `speaker`"
    )
    mirror: bool = Field(True, description="mirror half of the training clips; not where left and right tell classes")
    shift_px: int = Field(ge=0, le=20, description="random shift of training clips, px")
    grey: float = Field(0.0, ge=0, le=1, description="share of training clips shown without colour")
    tint: float = Field(ge=0, lt=1, description="random gain of every colour channel, 1 +- tint")
    dropout: float = Field(0.5, ge=0, lt=1, description="of fc6 and fc7; narrow networks learn faster without")
    loop: LoopParams = Field(description="training")

    _speaker_has_one_group = field_validator("speaker")(with_one_group)

    @model_validator(mode="after")
    def _frames_suit_fc6(self) -> Params:
        check_size(self.size, self.fc6)
        return self


def speakers(root: Path, params: Params) -> set[str]:
    """Return who the setting `speaker` finds in the paths of the source corpus; nobody without it."""
    return {speaker_of(path, params.speaker) for path in paths_of(root)} - {""}


def train(root: Path, params: Params, run: Run) -> Trained:
    """Train C3D on clips.

    Raises:
        CorpusError: too few classes, clips or speakers
        SettingsError: the device is not there
    """
    corpus = read(root, params.size, params.held_out, params.speaker, run)
    shape: dict[str, Any] = {
        "width": params.width, "classes": len(corpus.classes), "size": params.size, "fc6": params.fc6
    }  # fmt: skip
    generator = torch.Generator().manual_seed(params.loop.seed)

    def prepare(clips: torch.Tensor, training: bool) -> torch.Tensor:
        if training:
            first = clips.float().permute(0, 4, 1, 2, 3)
            changed = augment(first, generator, params.shift_px, params.grey, params.tint, params.mirror)
            clips = changed.permute(0, 2, 3, 4, 1)
        return normalise_clips(clips)

    torch.manual_seed(params.loop.seed)
    network, generators = C3D(**shape, dropout=params.dropout), {"augmentation": generator}
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a fifth faster on the CPU
    task = Task(
        network, corpus.learn, corpus.held, prepare, __name__, params.model_dump(mode="json"), generators=generators
    )
    state, history = fit(task, params.loop, run)
    metrics = {
        "held_out_accuracy": round(accuracy(network, corpus.held, params.loop.batch, prepare, run), 4),
        "chance": round(1 / len(corpus.classes), 4),
        "clips": len(corpus.learn.labels),
        "held_out_clips": len(corpus.held.labels),
    }
    config = {
        "network": shape,
        "classes": corpus.classes,
        "input": {"frames": FRAMES, "size": params.size, "mean": list(MEAN)},
    }
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    return Trained(state, config, history, metrics, corpus.ledger)
