"""The learning-rate schedule of Ouyang et al. 2017, section 6.3: CNTK's `adjustAfterEpoch`, and the loop around it.

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
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import nn

from pipeline.core.settings import Settings
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
    """Return what the learning rate is multiplied by after an epoch.

    Args:
        previous: criterion of the best epoch so far; infinite where there is none
        criterion: of the epoch
        params: thresholds and factors
    """
    if not math.isfinite(criterion):
        return params.decrease
    if not math.isfinite(previous):
        return 1.0
    improvement = previous - criterion
    if improvement <= params.decrease_below * previous:
        return params.decrease
    return params.increase if improvement > params.increase_above * previous else 1.0


def fit(network: nn.Module, learn: Examples, judged: Examples, params: AdjustedRate, run: Run) -> History:
    """Train with cross-entropy on one CPU thread, or on `run.device`; leave the best weights in `network`, on the CPU.

    Parameters that need no gradient stay as they are.

    Args:
        network: changed in place
        learn: rows to learn from
        judged: rows whose cross-entropy controls the learning rate
        params: schedule
        run: device, precision, and what every epoch is told to

    Returns:
        one row per epoch: epoch, learning_rate, loss, held_out_loss, held_out_accuracy

    Raises:
        SettingsError: the device is not there
    """
    check_device(run.device)
    torch.set_num_threads(1)  # the layers are small, and the number of threads changes the floats
    loop = _Loop(network.to(run.device), learn, params, run)
    history: History = []
    best = math.inf
    kept = loop.state()
    for epoch in range(params.epochs):
        if loop.rate / params.batch < LEAST_RATE:
            break
        loss, used = loop.learn(), loop.rate
        criterion, accuracy = loop.judge(judged)
        loop.rate *= factor(best, criterion, params)
        if criterion <= best and math.isfinite(criterion):
            best, kept = criterion, loop.state()
        else:
            loop.restore(kept)
        row = {"loss": loss, "held_out_loss": criterion, "held_out_accuracy": accuracy}
        history.append(
            {"epoch": epoch, "learning_rate": used, **{name: round(value, 6) for name, value in row.items()}}
        )
        run.on_epoch(history[-1])
    loop.restore(kept)
    network.cpu().eval()
    return history


class _Loop:
    """A network with its momentum and its learning rate."""

    def __init__(self, network: nn.Module, examples: Examples, params: AdjustedRate, run: Run) -> None:
        self.network, self.examples, self.params, self.run = network, examples, params, run
        self.rate = params.learning_rate
        self.weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.smoothed = [torch.zeros_like(weight) for weight in self.weights]
        self.order = torch.Generator().manual_seed(params.seed)

    def learn(self) -> float:
        """Go over the examples once; return the mean cross-entropy on the way."""
        self.network.train()
        total = 0.0
        for rows in torch.randperm(len(self.examples.labels), generator=self.order).split(self.params.batch):
            loss = self._cross_entropy(self._logits(self.examples, rows), self.examples.labels[rows])
            self._step(torch.autograd.grad(loss, self.weights), len(rows))
            total += loss.item()
        return total / max(1, len(self.examples.labels))

    @torch.no_grad()
    def _step(self, gradients: Sequence[torch.Tensor], count: int) -> None:
        momentum = self.params.momentum ** (count / self.params.batch)
        gain = 1 - momentum if self.params.unit_gain else 1.0
        for weight, smoothed, gradient in zip(self.weights, self.smoothed, gradients, strict=True):
            smoothed.mul_(momentum).add_(gradient, alpha=gain)
            weight.sub_(smoothed, alpha=self.rate / self.params.batch)

    @torch.inference_mode()
    def judge(self, examples: Examples) -> tuple[float, float]:
        """Return (mean cross-entropy, share of right answers)."""
        self.network.eval()
        total, right = 0.0, 0
        for rows in torch.arange(len(examples.labels)).split(_JUDGED_AT_ONCE):
            logits = self._logits(examples, rows)
            total += self._cross_entropy(logits, examples.labels[rows]).item()
            right += int((logits.argmax(1).cpu() == examples.labels[rows]).sum())
        count = max(1, len(examples.labels))
        return total / count, right / count

    def _logits(self, examples: Examples, rows: torch.Tensor) -> torch.Tensor:
        with torch.autocast(self.run.device, dtype=torch.bfloat16, enabled=self.run.mixed_precision):
            return self.network(examples.inputs[rows].to(self.run.device)).float()

    def _cross_entropy(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(logits, labels.to(self.run.device), reduction="sum")

    def state(self) -> list[torch.Tensor]:
        """Return copies of the weights and their momentum."""
        return [tensor.detach().clone() for tensor in (*self.weights, *self.smoothed)]

    @torch.no_grad()
    def restore(self, state: list[torch.Tensor]) -> None:
        """Go back to what `state` returned."""
        for tensor, before in zip((*self.weights, *self.smoothed), state, strict=True):
            tensor.copy_(before)
