"""What a source task is made of: its settings, its examples, how and where it runs, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from pydantic import Field
from torch import nn

from pipeline.core.errors import SettingsError
from pipeline.core.ledger import Entry
from pipeline.core.settings import Settings
from pipeline.training.batches import AT_ONCE

State = dict[str, torch.Tensor]
History = list[dict[str, float]]
PATIENCE = "stop after so many epochs without a better {}, and keep the best epoch; null = run all and keep the last"
"""What `patience` says wherever there is one."""


class LoopParams(Settings):
    """How a source network is trained."""

    epochs: int = Field(
        ge=0,
        description="at most; 0 trains nothing, and the weights are named RANDOM in every report {Zhang IV.B: 300 "
        "for segments_audio.*} {Zhang IV.B: 400 for segments_video.*}",
    )
    patience: int | None = Field(ge=1, description=PATIENCE.format("held-out accuracy"))
    batch: int = Field(ge=1, description="examples per step {Zhang IV.B: 30 for segments_*}")
    at_once: int | None = Field(None, ge=1, description=f"examples {AT_ONCE}")
    learning_rate: float = Field(gt=0, description="of the optimiser {Zhang IV.B: 0.001 for segments_*}")
    schedule: Literal["constant", "cosine"] = Field(
        "constant",
        description="of the learning rate: constant, or cosine decay to 0 at the last step of all epochs, by which the "
        "accuracy settles",
    )
    optimiser: Literal["adam", "sgd"] = Field(
        "adam", description="adam, or stochastic gradient descent with momentum {Zhang IV.B: sgd for segments_*}"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd {Zhang IV.B: 0.9 for segments_*}")
    weight_decay: float = Field(0.0, ge=0, description="share of the weights added to their gradients")
    new_rate: float = Field(
        1.0, gt=0, description="factor on the learning rate of the last layer where that is new, as in fine-tuning"
    )
    threads: int = Field(ge=1, description="CPU threads; a fixed number, since it changes the floats")
    seed: int = Field(ge=0, description="of initial weights and order")


class Inputs(Protocol):
    """N inputs that do not fit into memory: a batch (B, ...) is read when its row numbers (B,) are asked for."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: torch.Tensor, /) -> torch.Tensor: ...

    def digest(self) -> str:
        """Return a name for all of the contents, such as the SHA-256 of the file behind them."""


@dataclass(frozen=True)
class Examples:
    """Inputs (N, ...) and class indices (N,)."""

    inputs: torch.Tensor | Inputs
    labels: torch.Tensor

    def __post_init__(self) -> None:
        if len(self.inputs) != len(self.labels):
            raise ValueError(f"{len(self.inputs)} inputs for {len(self.labels)} labels")


@dataclass(frozen=True)
class Run:
    """How and where a network is trained.

    Attributes:
        mixed_precision: bfloat16 where torch.autocast allows it, in training and in judging
        checkpoint: file that an interrupted run goes on from; None = none is written
        checkpoint_s: least time from one writing of it to the next, s; it is written at the end in any case
        on_epoch: called with every row of the history, also with those of a run that is gone on with
        workers: processes that read the corpus; 0 = one per core
        stage: stage name of ledger entries
        on_ledger: called with the source's ledger before training; it may raise to stop there
        clip_cache: folder of the clip cache, for the faces of source images; None = they are looked for each time
        detector: folder of the face detector's networks; None = it has none
    """

    device: str = "cpu"
    mixed_precision: bool = False
    checkpoint: Path | None = None
    on_epoch: Callable[[dict[str, float]], None] = lambda _: None
    workers: int = 1
    stage: str = "pretrain"
    on_ledger: Callable[[list[Entry]], None] = lambda _: None
    checkpoint_s: float = 0.0
    clip_cache: Path | None = None
    detector: Path | None = None


@dataclass(frozen=True)
class Task:
    """What is learned.

    Attributes:
        held_out: examples that decide when to stop
        prepare: (batch of inputs, whether it is for training) -> what the network takes, for scaling and augmentation;
            runs on the CPU, whatever the device, so that random draws are the same everywhere
        code: dotted name of the source's module
        settings: everything else that the result depends on, as JSON values
        tables: tensors that `prepare` reads, by name
        generators: random generators that `prepare` draws from, by name
        new: name of the last layer where it alone begins at random weights; "" = all layers are alike
    """

    network: nn.Module  # changed in place
    train: Examples
    held_out: Examples
    prepare: Callable[[torch.Tensor, bool], torch.Tensor]
    code: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, torch.Tensor] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)
    new: str = ""


@dataclass(frozen=True)
class Trained:
    """What a source task gives: the weights and the held-out figures of the best epoch, one row per epoch, what builds
    the network and its input again, and what happened to each piece of the source corpus.
    """

    state: Mapping[str, torch.Tensor]
    config: Mapping[str, Any]
    history: History
    metrics: Mapping[str, float]
    ledger: list[Entry] = field(default_factory=list)


def check_device(device: str) -> None:
    """See that a device is there; a SettingsError says that it is `cuda`, without a GPU that PyTorch can use."""
    if device == "cuda" and not torch.cuda.is_available():
        raise SettingsError(
            "params.yaml: runtime.device: cuda, but PyTorch finds no GPU here; set it to cpu, or install a driver and "
            "a CUDA build of torch"
        )
