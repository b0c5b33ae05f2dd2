"""One training loop: what a step is, the learning rate, which round is kept and when to stop are passed in.

A round is what lies between two looks at validation: an epoch, or so many iterations. With a checkpoint the whole state
is kept behind rounds (`pipeline.training.checkpoints`): a process that is killed and started again gives the bytes of
one that was not.
"""

from __future__ import annotations

import copy
import math
import time
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
        patience: rounds without a better score behind which training stops, and the weights of the best round are
            taken; None = all rounds are run, and those of the last are taken
        max_gradient: norm that the gradients of no group of the optimiser exceed; 0 = no limit. With a limit a row of
            the history has `clipped`, the share of the round's steps in which a group was cut
        parts: batch -> its pieces, which are learned from one after the other in one step, and their shares in its loss
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
    patience: float | None = math.inf
    max_gradient: float = 0.0
    parts: Callable[[Any], Iterable[tuple[Any, float]]] = lambda batch: ((batch, 1.0),)
    diverged: Callable[[int], Exception] | None = None
    prior: Mapping[str, float] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)
    device: str = "cpu"

    def __post_init__(self) -> None:
        self.history: list[dict[str, Any]] = []
        self.keeps = self.patience is not None  # the best round, and not the last
        self.done, self.since, self.cut = 0, 0, 0
        self.best: Score | None = None
        self.best_state: dict[str, torch.Tensor] = {}
        self._keep()

    def run(
        self,
        checkpoint: Path | None = None,
        key: str = "",
        on_round: Callable[[dict[str, Any]], None] = lambda _: None,
        label: str = "",
        every_s: float = 0.0,
    ) -> list[dict[str, Any]]:
        """Train; return the history, one row per round, with a progress bar where it has a label.

        A run that was interrupted goes on from its checkpoint, by a key for all that determines the result; one is
        written at the end, and before that not more often than `every_s`, s. `on_round` is called with every row, also
        with those of a run that is gone on with.
        """
        if checkpoint and (kept := checkpoints.load(checkpoint, key)):
            self.restore(kept)
        for row in self.history:
            on_round(row)
        kept_at, whole = time.monotonic(), len(self.history)
        left: Iterable[int] = range(len(self.history), self.rounds)
        for number in progress(left, self.rounds - len(self.history), label, "epoch") if label else left:
            if self.schedule.ended or self.since >= (math.inf if self.patience is None else self.patience):
                break
            self.round(number)
            if checkpoint and time.monotonic() - kept_at >= every_s:
                checkpoints.save(checkpoint, key, self.state())
                kept_at, whole = time.monotonic(), len(self.history)
            on_round(self.history[-1])
        if checkpoint and len(self.history) > whole:
            checkpoints.save(checkpoint, key, self.state())
        if self.keeps:
            self.network.load_state_dict(self.best_state)
        return self.history

    def round(self, number: int) -> None:
        """Learn from the batches of one round, and judge."""
        self.network.train()
        begun, self.cut = self.done, 0
        total = sum(self.step(batch) for batch in self.batches(number))
        row, score = self.judge(number, total)
        if self.max_gradient:
            row["clipped"] = round(self.cut / max(1, self.done - begun), 6)
        self.history.append({**row, "steps": self.done, "kept": 0, **self.prior})
        if not self.keeps:
            self._mark()
            return
        before, self.since = self.best, self.since + 1
        better = before is None or score > before or (self.schedule.ties and score == before)
        if better and all(map(math.isfinite, score)):
            self.best, self.since = score, 0
            self._keep()
            self._mark()
        elif self.schedule.goes_back:
            self.network.load_state_dict(self.best_state)
            self.optimiser.load_state_dict(copy.deepcopy(self.best_optimiser))  # it would go on with these very tensors
        self.schedule.judged(before, score)

    def step(self, batch: Any) -> float:
        """Learn from one batch; return what it adds to the round's total loss: each piece's times what it counts."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.done) * group.get("factor", 1.0)
        self.optimiser.zero_grad(set_to_none=True)
        found = total = 0.0
        for part, share in self.parts(batch):
            loss, count = self.loss(part)
            (loss * share).backward()
            found, total = found + loss.item() * share, total + loss.item() * count
        if self.max_gradient:
            self._limit()
        self.optimiser.step()
        self.done += 1
        if self.diverged and not math.isfinite(found):
            raise self.diverged(self.done)
        return total

    def _limit(self) -> None:
        # group by group: a head that is new would otherwise take the learning rate of the body below it along
        groups = [group["params"] for group in self.optimiser.param_groups]
        norms = [float(nn.utils.clip_grad_norm_(weights, self.max_gradient)) for weights in groups]
        self.cut += max(norms) > self.max_gradient

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
