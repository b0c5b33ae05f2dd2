"""One training loop: what a step is, the learning rate, which round is kept and when to stop are passed in.

A round is what lies between two looks at validation: an epoch, or so many iterations. With a checkpoint the whole state
is kept after every round (`pipeline.training.checkpoints`): a process that is killed and started again gives the bytes
of one that was not.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from pipeline.runner.progress import progress
from pipeline.training import checkpoints

Score = tuple[float, ...]
"""How good a round is, the larger the better, the first number first."""


class Schedule:
    """The learning rate; of this one, a function of the step alone, counted from 0."""

    ties, ended, goes_back = False, False, False
    """Whether of equally good rounds the later one is kept; whether training is over; whether a round that is no better
    is undone, optimiser included."""

    def __init__(self, rate: Callable[[int], float]) -> None:
        self.rate = rate

    def judged(self, best: Score | None, score: Score) -> None:
        """Take note of a round; `best` is the best one before it."""


@dataclass
class Loop:
    """One training.

    Attributes:
        network: changed in place
        optimiser: of its weights; the schedule sets its learning rate
        batches: round number -> its batches
        loss: batch -> (what is differentiated, what it counts in the round's total)
        judge: (round number, total loss) -> (row of the history, score), with the network in whatever mode it likes
        patience: rounds without a better score behind which training stops
        keeps: whether the weights of the best round are taken in the end, and not those of the last
        max_gradient: norm of all gradients that is not exceeded; 0 = no limit
        diverged: steps done -> what is raised where the loss is no number; None = training goes on
        prior: figures of the labels alone, see `pipeline.training.learning.prior`; they stand in every row, beside the
            steps done so far and whether these are the weights that are taken in the end
        generators: random generators that `batches` and `loss` draw from, beside torch's own
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: Schedule
    batches: Callable[[int], Iterable[Any]]
    loss: Callable[[Any], tuple[torch.Tensor, int]]
    judge: Callable[[int, float], tuple[dict[str, Any], Score]]
    rounds: int
    patience: float = math.inf
    keeps: bool = True
    max_gradient: float = 0.0
    diverged: Callable[[int], Exception] | None = None
    prior: Mapping[str, float] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.history: list[dict[str, Any]] = []
        self.done, self.since = 0, 0
        self.best: Score | None = None
        self._keep()

    def run(
        self,
        checkpoint: Path | None = None,
        key: str = "",
        on_round: Callable[[dict[str, Any]], None] = lambda _: None,
        label: str = "",
    ) -> list[dict[str, Any]]:
        """Train; return the history, one row per round, with a progress bar where it has a label.

        A run that was interrupted goes on from its checkpoint, by a key for all that determines the result. `on_round`
        is called with every row, also with those of a run that is gone on with.
        """
        if checkpoint and (kept := checkpoints.load(checkpoint, key)):
            self.restore(kept)
        for row in self.history:
            on_round(row)
        left: Iterable[int] = range(len(self.history), self.rounds)
        for number in progress(left, self.rounds - len(self.history), label, "epoch") if label else left:
            if self.since >= self.patience or self.schedule.ended:
                break
            self.round(number)
            if checkpoint:
                checkpoints.save(checkpoint, key, self.state())
            on_round(self.history[-1])
        if self.keeps:
            self.network.load_state_dict(self.best_state)
        return self.history

    def round(self, number: int) -> None:
        """Learn from the batches of one round, and judge."""
        self.network.train()
        total = sum(self.step(batch) for batch in self.batches(number))
        row, score = self.judge(number, total)
        self.history.append({**row, "steps": self.done, "kept": 0, **self.prior})
        if not self.keeps:
            self._mark()
            return
        before, self.since = self.best, self.since + 1
        if all(map(math.isfinite, score)) and (
            before is None or score > before or (self.schedule.ties and score == before)
        ):
            self.best, self.since = score, 0
            self._keep()
            self._mark()
        elif self.schedule.goes_back:
            self.network.load_state_dict(self.best_state)
            self.optimiser.load_state_dict(copy.deepcopy(self.best_optimiser))  # it would go on with these very tensors
        self.schedule.judged(before, score)

    def step(self, batch: Any) -> float:
        """Learn from one batch; return what it adds to the round's total loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.done) * group.get("factor", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        loss, count = self.loss(batch)
        loss.backward()
        if self.max_gradient:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.max_gradient)
        self.optimiser.step()
        self.done += 1
        found = loss.item()
        if self.diverged and not math.isfinite(found):
            raise self.diverged(self.done)
        return found * count

    def _mark(self) -> None:
        for row in self.history:
            row["kept"] = int(row is self.history[-1])

    def _keep(self) -> None:
        if self.keeps:
            self.best_state = copied(self.network)
        if self.schedule.goes_back:
            self.best_optimiser = copy.deepcopy(self.optimiser.state_dict())

    def state(self) -> dict[str, Any]:
        """Return what `restore` takes, the state of every random generator included; not that of a schedule."""
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "random": {name: generator.get_state() for name, generator in self.generators.items()},
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if self.device == "cuda" else None,
            **{name: getattr(self, name) for name in ("history", "done", "since", "best", "best_state")},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was taken."""
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        for name, generator in self.generators.items():
            generator.set_state(state["random"][name])
        torch.set_rng_state(state["torch"])
        if state["cuda"] is not None:
            torch.cuda.set_rng_state(state["cuda"])
        self.history, self.done, self.since = list(state["history"]), state["done"], state["since"]
        self.best, self.best_state = state["best"] and tuple(state["best"]), state["best_state"]


def copied(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return a copy of a network's weights, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in network.state_dict().items()}


def minibatches(count: int, size: int, order: torch.Generator | None = None) -> tuple[torch.Tensor, ...]:
    """Return the rows 0 .. count - 1 in random order, split into minibatches."""
    return torch.randperm(count, generator=order).split(size)
