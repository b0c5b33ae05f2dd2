"""One training loop for the source tasks: mini-batches, early stopping on held-out accuracy, best weights kept.

With `Run.checkpoint` the loop's whole state is kept after every epoch (`pipeline.training.checkpoints`): a process that
is
killed and started again gives the bytes of one that was not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from pipeline.engine.code_digest import code_digest
from pipeline.runner.progress import progress
from pipeline.training import checkpoints
from pipeline.training.task import Examples, History, LoopParams, Run, State, Task, check_device


def fit(task: Task, params: LoopParams, run: Run) -> tuple[State, History]:
    """Train with cross-entropy.

    Returns:
        (weights of the best epoch, on the CPU; history with epoch, loss, held_out_accuracy)

    Raises:
        SettingsError: the device is not there
    """
    check_device(run.device)
    torch.set_num_threads(params.threads)
    torch.backends.cudnn.deterministic = True
    loop = _Loop(task, params, run)
    key = _key(task, params, run) if run.checkpoint else ""
    if run.checkpoint and (kept := checkpoints.load(run.checkpoint, key)):
        loop.restore(kept)
    for row in loop.history:
        run.on_epoch(row)
    for _ in progress(range(len(loop.history), params.epochs), params.epochs - len(loop.history), "training", "epoch"):
        if loop.since >= params.patience:
            break
        loop.epoch()
        if run.checkpoint:
            checkpoints.save(run.checkpoint, key, loop.state())
        run.on_epoch(loop.history[-1])
    task.network.load_state_dict(loop.best_state)
    return loop.best_state, loop.history


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


def _optimiser(network: nn.Module, params: LoopParams) -> torch.optim.Optimizer:
    if params.optimiser == "sgd":
        return torch.optim.SGD(
            network.parameters(), lr=params.learning_rate, momentum=params.momentum, weight_decay=params.weight_decay
        )
    return torch.optim.Adam(network.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)


class _Loop:
    """Everything that changes from epoch to epoch."""

    def __init__(self, task: Task, params: LoopParams, run: Run) -> None:
        self.task, self.params, self.run = task, params, run
        self.network = task.network.to(run.device)
        self.optimiser = _optimiser(self.network, params)
        self.order = torch.Generator().manual_seed(params.seed)
        self.history: History = []
        self.best, self.best_state, self.since = -1.0, _copy(self.network), 0

    def epoch(self) -> None:
        """Go over the training examples once, and judge."""
        loss = self._learn()
        reached = accuracy(self.network, self.task.held_out, self.params.batch, self.task.prepare, self.run)
        self.history.append(
            {"epoch": len(self.history), "loss": round(loss, 6), "held_out_accuracy": round(reached, 6)}
        )
        self.since += 1
        if reached > self.best:
            self.best, self.best_state, self.since = reached, _copy(self.network), 0

    def _learn(self) -> float:
        self.network.train()
        train, total = self.task.train, 0.0
        order = torch.randperm(len(train.labels), generator=self.order)
        for rows in order.split(self.params.batch):
            if len(rows) < 2:  # batch normalisation needs two
                continue
            self.optimiser.zero_grad(set_to_none=True)
            inputs = self.task.prepare(train.inputs[rows], True).to(self.run.device)
            logits = _logits(self.network, inputs, self.run)
            loss = nn.functional.cross_entropy(logits, train.labels[rows].to(self.run.device))
            loss.backward()
            self.optimiser.step()
            total += loss.item() * len(rows)
        return total / len(order)

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes, the state of every random generator included."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": {name: generator.get_state() for name, generator in self._generators().items()},
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if self.run.device == "cuda" else None,
            "history": self.history,
            "best": self.best,
            "best_state": self.best_state,
            "since": self.since,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, generator in self._generators().items():
            generator.set_state(state["random"][name])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"])
        self.history, self.best = list(state["history"]), state["best"]
        self.best_state, self.since = state["best_state"], state["since"]

    def _generators(self) -> dict[str, torch.Generator]:
        return {"order of examples": self.order, **self.task.generators}


@torch.inference_mode()
def accuracy(
    network: nn.Module, examples: Examples, batch: int, prepare: Callable[[torch.Tensor, bool], torch.Tensor], run: Run
) -> float:
    """Return the share of examples whose class the network, which is on `run.device`, names."""
    network.eval()
    right = 0
    for rows in torch.arange(len(examples.labels)).split(batch):
        named = _logits(network, prepare(examples.inputs[rows], False).to(run.device), run).argmax(1)
        right += int((named == examples.labels[rows].to(run.device)).sum())
    return right / max(1, len(examples.labels))


def _logits(network: nn.Module, inputs: torch.Tensor, run: Run) -> torch.Tensor:
    with torch.autocast(run.device, dtype=torch.bfloat16, enabled=run.mixed_precision):
        logits = network(inputs)
    return logits.float()


def _copy(network: nn.Module) -> State:
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}
