"""One training loop for the source tasks: mini-batches, early stopping on held-out accuracy, best weights kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import Field
from torch import nn

from pipeline.core.parallel import progress
from pipeline.core.settings import Settings


class LoopParams(Settings):
    """How a source network is trained."""

    epochs: int = Field(ge=1, description="at most")
    patience: int = Field(ge=1, description="stop after so many epochs without a better held-out accuracy")
    batch: int = Field(ge=1, description="examples per step")
    learning_rate: float = Field(gt=0, description="of Adam")
    threads: int = Field(ge=1, description="CPU threads; a fixed number, since it changes the floats")
    seed: int = Field(ge=0, description="of initial weights and order")


@dataclass(frozen=True)
class Examples:
    """Inputs (N, ...) and class indices (N,)."""

    inputs: torch.Tensor
    labels: torch.Tensor


@dataclass(frozen=True)
class Trained:
    """What a source task gives.

    Attributes:
        state: weights of the best epoch
        config: what builds the network and its input again
        history: one row per epoch
        metrics: held-out figures of the best epoch
    """

    state: Mapping[str, torch.Tensor]
    config: Mapping[str, Any]
    history: list[dict[str, float]]
    metrics: Mapping[str, float]


def fit(
    network: nn.Module,
    train: Examples,
    held_out: Examples,
    params: LoopParams,
    prepare: Callable[[torch.Tensor, bool], torch.Tensor],
) -> tuple[dict[str, torch.Tensor], list[dict[str, float]]]:
    """Train with cross-entropy.

    Args:
        network: changed in place
        train: examples to learn from
        held_out: examples that decide when to stop
        params: the loop's settings
        prepare: (batch of inputs, whether it is for training) -> what the network takes, for scaling and augmentation

    Returns:
        (weights of the best epoch, history with epoch, loss, held_out_accuracy)
    """
    torch.set_num_threads(params.threads)
    generator = torch.Generator().manual_seed(params.seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=params.learning_rate)
    history: list[dict[str, float]] = []
    best, best_state, since = -1.0, _copy(network), 0
    for epoch in progress(range(params.epochs), params.epochs, "training", "epoch"):
        loss = _epoch(network, train, params.batch, optimiser, generator, prepare)
        reached = accuracy(network, held_out, params.batch, prepare)
        history.append({"epoch": epoch, "loss": round(loss, 6), "held_out_accuracy": round(reached, 6)})
        if reached > best:
            best, best_state, since = reached, _copy(network), 0
        else:
            since += 1
        if since >= params.patience:
            break
    network.load_state_dict(best_state)
    return best_state, history


def _epoch(
    network: nn.Module,
    train: Examples,
    batch: int,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
    prepare: Callable[[torch.Tensor, bool], torch.Tensor],
) -> float:
    network.train()
    total = 0.0
    order = torch.randperm(len(train.labels), generator=generator)
    for rows in order.split(batch):
        if len(rows) < 2:  # batch normalisation needs two
            continue
        optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(network(prepare(train.inputs[rows], True)), train.labels[rows])
        loss.backward()
        optimiser.step()
        total += loss.item() * len(rows)
    return total / len(order)


@torch.inference_mode()
def accuracy(
    network: nn.Module, examples: Examples, batch: int, prepare: Callable[[torch.Tensor, bool], torch.Tensor]
) -> float:
    """Return the share of examples whose class the network names."""
    network.eval()
    right = 0
    for inputs, labels in zip(examples.inputs.split(batch), examples.labels.split(batch), strict=True):
        right += int((network(prepare(inputs, False)).argmax(1) == labels).sum())
    return right / max(1, len(examples.labels))


def _copy(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
