"""The learning-rate schedule of Ouyang et al. 2017, section 6.3: CNTK's `adjustAfterEpoch`, and its momentum.

Paper: minibatches of 64, momentum 0.9 per minibatch, learning rates 0.004 (source task) and 0.002 (target task) per
minibatch, "reduced by decrease factor of 0.618 if the improvement is less than 0, and [...] increased by factor of
1.382 if the improvement is larger than 0.5", 40 epochs at most. By the Microsoft Cognitive Toolkit; read of it were its
documentation (BrainScript SGD block) and its source (Source/SGDLib/SGD.cpp):

    improvement     previous criterion - criterion, as a share of the previous criterion; of the validation set
                    (useCVSetControlLRIfCVExists); no improvement at all reduces the rate, too (<=); none in epoch 0
    worse           the model, its momentum and its criterion go back to the best ones (loadBestModel), then the rate is
                    reduced; such an epoch counts here, as in CNTK's earlier source, the later one uses its number again
    momentum        a unit-gain filter: the new gradient counts 1 - momentum; for a smaller last minibatch of n examples
                    the momentum is 0.9 ^ (n / 64), and its gradient counts n / 64
    end             a learning rate below 1e-9 per example (minLearningRatePerSample)

All of this is CNTK's default but for the 0.5, which is infinity there. The weights kept are those of the best epoch.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from pydantic import Field
from torch import nn

from pipeline.core.settings import Settings
from pipeline.training.fitting import logits
from pipeline.training.learning import prior
from pipeline.training.loop import Loop, Schedule, Score, minibatches
from pipeline.training.optimiser import Optimizer
from pipeline.training.task import Examples, History, Run, check_device

LEAST_RATE = 1e-9
"""Learning rate per example at which training ends."""

_JUDGED_AT_ONCE = 4096


class AdjustedRate(Settings):
    """How a network is trained; the defaults are those of the paper and of CNTK."""

    epochs: int = Field(
        40,
        ge=0,
        description="at most; 0 trains nothing, and the weights are named RANDOM in every report {Ouyang 6.3: 40}",
    )
    batch: int = Field(64, ge=1, description="examples per step {Ouyang 6.3: 64}")
    learning_rate: float = Field(gt=0, description="per minibatch, at the beginning {Ouyang 6.3: 0.004}")
    momentum: float = Field(0.9, ge=0, lt=1, description="per minibatch {Ouyang 6.3: 0.9}")
    unit_gain: bool = Field(
        True, description="the new gradient counts 1 - momentum, as in CNTK; false = 1, as elsewhere"
    )
    decrease: float = Field(
        0.618, gt=0, lt=1, description="factor on the learning rate after too small an improvement {Ouyang 6.3: 0.618}"
    )
    decrease_below: float = Field(
        0.0, ge=0, lt=1, description="improvement, as a share, at or below which it is reduced"
    )
    increase: float = Field(
        1.382, ge=1, description="factor on the learning rate after a large improvement {Ouyang 6.3: 1.382}"
    )
    increase_above: float = Field(0.5, ge=0, description="improvement, as a share, above which it is increased")
    seed: int = Field(0, ge=0, description="of initial weights and order")


def factor(previous: float, criterion: float, params: AdjustedRate) -> float:
    """Return what the learning rate is multiplied by after an epoch with this criterion.

    `previous` is that of the best epoch so far, infinite where there is none.
    """
    if not math.isfinite(criterion):
        return params.decrease
    if not math.isfinite(previous):
        return 1.0
    improvement = previous - criterion
    if improvement <= params.decrease_below * previous:
        return params.decrease
    return params.increase if improvement > params.increase_above * previous else 1.0


class Adjusted(Schedule):
    """The rate per minibatch of an epoch, by the criteria of those before; scores are negative criteria."""

    ties = goes_back = True

    def __init__(self, params: AdjustedRate) -> None:
        self.params, self.current = params, params.learning_rate
        super().__init__(lambda _: self.current)

    @property
    def ended(self) -> bool:  # type: ignore[override]
        return self.current / self.params.batch < LEAST_RATE

    def judged(self, best: Score | None, score: Score) -> None:
        self.current *= factor(math.inf if best is None else -best[0], -score[0], self.params)


class UnitGain(Optimizer):
    """Stochastic gradient descent with CNTK's momentum, on gradients that are sums over a minibatch.

    `count` in the parameter group is the size of the minibatch at hand.
    """

    def __init__(self, weights: Iterable[torch.Tensor], params: AdjustedRate) -> None:
        self.params = params
        super().__init__(weights, {"lr": params.learning_rate, "count": params.batch})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        for group in self.param_groups:
            momentum = self.params.momentum ** (group["count"] / self.params.batch)
            gain = 1 - momentum if self.params.unit_gain else 1.0
            for weight in group["params"]:
                smoothed = self.state[weight].setdefault("smoothed", torch.zeros_like(weight))
                smoothed.mul_(momentum).add_(weight.grad, alpha=gain)
                weight.sub_(smoothed, alpha=group["lr"] / self.params.batch)


def fit(network: nn.Module, learn: Examples, judged: Examples, params: AdjustedRate, run: Run) -> History:
    """Train with cross-entropy on one CPU thread, or on `run.device`; leave the best weights in `network`, on the CPU.

    The cross-entropy of the rows `judged` controls the learning rate. Parameters that need no gradient stay as they
    are. Return one row per epoch: epoch, learning_rate, loss, held_out_loss, held_out_accuracy. A SettingsError says
    that the device is not there.
    """
    check_device(run.device)
    torch.set_num_threads(1)  # the layers are small, and the number of threads changes the floats
    network.to(run.device)
    order, schedule = torch.Generator().manual_seed(params.seed), Adjusted(params)
    optimiser = UnitGain([weight for weight in network.parameters() if weight.requires_grad], params)

    def summed(examples: Examples, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = logits(network, examples.inputs[rows].to(run.device), run)
        labels = examples.labels[rows].to(run.device)
        return nn.functional.cross_entropy(found, labels, reduction="sum"), (found.argmax(1) == labels).sum()

    def loss(rows: torch.Tensor) -> tuple[torch.Tensor, int]:
        optimiser.param_groups[0]["count"] = len(rows)
        return summed(learn, rows)[0], 1

    @torch.inference_mode()
    def judge(epoch: int, total: float) -> tuple[dict[str, float], Score]:
        network.eval()
        found = [summed(judged, rows) for rows in torch.arange(len(judged.labels)).split(_JUDGED_AT_ONCE)]
        count = max(1, len(judged.labels))
        criterion, right = (sum(part.item() for part in parts) / count for parts in zip(*found, strict=True))
        row = {"loss": total / max(1, len(learn.labels)), "held_out_loss": criterion, "held_out_accuracy": right}
        rounded = {name: round(value, 6) for name, value in row.items()}
        return {"epoch": epoch, "learning_rate": schedule.current, **rounded}, (-criterion,)

    given = (network, optimiser, schedule, lambda _: minibatches(len(learn.labels), params.batch, order), loss, judge)
    known = prior(learn.labels, judged.labels, part="held_out")
    history = Loop(*given, params.epochs, prior=known).run(on_round=run.on_epoch)
    network.cpu().eval()
    return history
