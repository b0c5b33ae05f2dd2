"""The settings of a network that is fine-tuned on aligned faces together with what judges its layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.classification.candidates import REFIT, SEEDS, Tried
from pipeline.core.settings import Settings
from pipeline.training.batches import AT_ONCE
from pipeline.training.per_fold import KEEP, Keep


class EndToEndParams(Settings):
    """`end_to_end.<network>`; the defaults are the paper's where it says something."""

    settings: Mapping[str, Any] = Field({}, description="those of the plugin in pipeline/features/aligned/networks")
    cells: Tried[Annotated[int, Field(ge=1)]] = Field(
        128,
        description="nodes of each layer's LSTM {Ouyang 6.2.1: 128 for *.vggface.*} {Ouyang 6.2.1: 128 for "
        "*.pyramid.*}",
    )
    dropout: Tried[Annotated[float, Field(ge=0, lt=1)]] = Field(
        0.7,
        description="behind the summed LSTMs; without an LSTM, settings.dropout holds {Ouyang 6.2.1: 0.7 for "
        "*.vggface.*}",
    )
    readout: Literal["last", "mean"] = Field(
        "last", description="LSTM output that the softmax sees: at the last frame, or the mean"
    )
    iterations: int = Field(5000, ge=1, description="steps of the optimiser {Ouyang 6.2.2: 5000}")
    batch: Tried[Annotated[int, Field(ge=1)]] = Field(16, description="clips per iteration")
    at_once: int | None = Field(None, ge=1, description=f"clips {AT_ONCE}")
    balanced: bool = Field(False, description="weigh classes by their inverse frequency in training")
    learning_rate: Tried[Annotated[float, Field(gt=0)]] = Field(
        0.001, description="at the beginning {Ouyang 6.2.2: 0.001}"
    )
    decay: float = Field(
        0.1, gt=0, le=1, description="factor that the learning rate is multiplied by {Ouyang 6.2.2: 0.1}"
    )
    decay_every: int = Field(1000, ge=1, description="iterations from one decay to the next {Ouyang 6.2.2: 1000}")
    new_rate: Tried[Annotated[float, Field(gt=0)]] = Field(
        1.0, description="factor on the learning rate of what judges the layers, the LSTMs or the last layer: it is new"
    )
    optimiser: Literal["adam", "sgd"] = Field("sgd", description="adam, or stochastic gradient descent with momentum")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    weight_decay: Tried[Annotated[float, Field(ge=0)]] = Field(
        0.0005, description="share of the weights added to their gradients"
    )
    max_gradient: float = Field(
        0.0,
        ge=0,
        description="norm that the gradients of neither the network nor its head exceed; the history tells the share "
        "of steps that it cuts, and so a learning rate that is less than it says; 0 = no limit",
    )
    judge_every: int = Field(
        250, ge=1, description="iterations from one look at validation to the next; the best is kept"
    )
    flip: bool = Field(
        True, description="mirror half of the training clips; crops are random in any case {Ouyang 6.2.2: true}"
    )
    keep: Keep = Field("first", description=KEEP)
    refit: bool = Field(False, description=REFIT)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description=SEEDS)
    seed: int = Field(0, ge=0, description="of initial weights, order, dropout, mirrors and crops")

    def rate(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 0."""
        return self.learning_rate * self.decay ** (iteration // self.decay_every)
