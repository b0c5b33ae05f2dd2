"""Training of a source task, or of a fine-tuned network: early stopping on held-out accuracy, if that is asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from pipeline.engine.code_digest import code_digest
from pipeline.training import checkpoints
from pipeline.training.batches import Batch, in_parts, moved, ready
from pipeline.training.learning import prior
from pipeline.training.loop import Loop, Schedule, Score, copied
from pipeline.training.optimiser import new_optimiser, weight_groups
from pipeline.training.order import near_minibatches
from pipeline.training.task import Examples, History, LoopParams, Run, State, Task, check_device


def fit(task: Task, params: LoopParams, run: Run) -> tuple[State, History]:
    """Train with cross-entropy; return the weights of the epoch that `params.patience` says, on the CPU, and the
    history; without held-out examples it is the last epoch.

    The history has epoch, loss, held_out_loss, held_out_accuracy, and what `Loop` adds. A SettingsError says that the
    device is not there.
    """
    check_device(run.device)
    torch.set_num_threads(params.threads)
    torch.backends.cudnn.deterministic = True
    device, order = run.device, torch.Generator().manual_seed(params.seed)
    network = task.network.to(device)

    def batches(_: int) -> Iterator[Batch]:
        chosen = near_minibatches(len(task.train.labels), params.batch, order)
        drawn = (rows for rows in chosen if len(rows) > 1)  # batch normalisation needs two
        return ready(((task.prepare(task.train.inputs[rows], True), task.train.labels[rows]) for rows in drawn), device)

    def loss(batch: Batch) -> tuple[torch.Tensor, int]:
        inputs, labels = (moved(tensor, device) for tensor in batch)
        return nn.functional.cross_entropy(logits(network, inputs, run), labels), len(labels)

    def judge(epoch: int, total: float) -> tuple[dict[str, float], Score]:
        lost, reached = judged(network, task.held_out, params.at_once or params.batch, task.prepare, run)
        row = {"loss": total / len(task.train.labels), "held_out_loss": lost, "held_out_accuracy": reached}
        return {"epoch": epoch, **{name: round(value, 6) for name, value in row.items()}}, (reached, -lost)

    optimiser = new_optimiser(params, weight_groups(network, task.new, params.new_rate))
    schedule = Schedule(partial(rate_at, params=params, examples=len(task.train.labels)))
    drawn = {"order of examples": order, **task.generators}
    rounds = (params.epochs, params.patience if len(task.held_out.labels) else None)
    loop = Loop(network, optimiser, schedule, batches, loss, judge, *rounds, generators=drawn, device=device)
    loop.parts = partial(in_parts, at_once=params.at_once)
    loop.prior = prior(task.train.labels, task.held_out.labels, part="held_out")
    key = _key(task, params, run) if run.checkpoint else ""
    history = loop.run(run.checkpoint, key, run.on_epoch, "training", run.checkpoint_s)
    return copied(network), history


def rate_at(step: int, params: LoopParams, examples: int) -> float:
    """Return the learning rate of a step, counted from 0."""
    if params.schedule == "constant":
        return params.learning_rate
    steps = params.epochs * max(1, math.ceil(examples / params.batch))
    return params.learning_rate * (1 + math.cos(math.pi * min(1.0, step / steps))) / 2


def kept_epochs(history: History) -> int:
    """Return how many epochs `fit` trained until the one that it kept."""
    return 1 + next(epoch for epoch, row in enumerate(history) if row["kept"])


def _key(task: Task, params: LoopParams, run: Run) -> str:
    """Return one name for everything that determines the result; the network's initial weights stand for its shape."""
    about: dict[str, Any] = {
        "code": code_digest(task.code, __name__),
        "settings": task.settings,
        "loop": params.model_dump(),
        "device": run.device,
        "mixed_precision": run.mixed_precision,
        "inputs": {},
    }
    tensors = {}
    for name, part in (("train", task.train), ("held_out", task.held_out)):
        tensors[f"{name} labels"] = part.labels
        if isinstance(part.inputs, torch.Tensor):
            tensors[f"{name} inputs"] = part.inputs
        else:
            about["inputs"][name] = part.inputs.digest()
    return checkpoints.digest_of(about, {**tensors, **task.tables, **task.network.state_dict()})


@torch.inference_mode()
def predicted(
    network: nn.Module, examples: Examples, batch: int, prepare: Callable[[torch.Tensor, bool], torch.Tensor], run: Run
) -> torch.Tensor:
    """Return the class that the network, which is on `run.device`, names for each example, (N,)."""
    network.eval()
    rows = torch.arange(len(examples.labels)).split(batch)
    named = [
        logits(network, prepare(examples.inputs[some], False).to(run.device), run).argmax(1).cpu() for some in rows
    ]
    return torch.cat(named)


@torch.inference_mode()
def judged(
    network: nn.Module, examples: Examples, batch: int, prepare: Callable[[torch.Tensor, bool], torch.Tensor], run: Run
) -> tuple[float, float]:
    """Return the cross-entropy per example, and the share of examples whose class the network names."""
    network.eval()
    right, lost = 0, 0.0
    rows = torch.arange(len(examples.labels)).split(batch)
    for some in ready(((prepare(examples.inputs[some], False), examples.labels[some]) for some in rows), run.device):
        inputs, labels = (moved(tensor, run.device) for tensor in some)
        found = logits(network, inputs, run)
        right += int((found.argmax(1) == labels).sum())
        lost += nn.functional.cross_entropy(found, labels, reduction="sum").item()
    count = max(1, len(examples.labels))
    return lost / count, right / count


def logits(network: nn.Module, inputs: torch.Tensor, run: Run) -> torch.Tensor:
    """Return what a network on `run.device` makes of inputs there, in float32; computed in its precision."""
    with torch.autocast(run.device, dtype=torch.bfloat16, enabled=run.mixed_precision):
        return network(inputs).float()
