"""What the classifiers on sequences share: a network with a softmax layer, trained until validation gets no better.

Weight decay lies on the softmax layer alone, and candidates are chosen by the accuracy on validation, both as in Huang
et al. 2017, section 4.1. Within one training `patience` keeps the epoch with the lowest validation loss, since a
few dozen validation clips give many epochs the same accuracy. What a validation clip is handed on
with is what the epoch gives that the other validation speakers choose: by its own choice it would look better than any
test clip.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from pipeline.classification.candidates import REFIT, SEEDS, Tried
from pipeline.classification.classifiers._files import load_tensors, loading, save_tensors
from pipeline.core.settings import Settings
from pipeline.protocols.held_out import by_others
from pipeline.training.batches import class_weights
from pipeline.training.datasets import Dataset, Scaler
from pipeline.training.judging import judged
from pipeline.training.learning import prior
from pipeline.training.loop import Loop, Schedule, Score, copied, minibatches
from pipeline.training.optimiser import Adam
from pipeline.training.place import CPU
from pipeline.training.task import PATIENCE


class LoopSettings(Settings):
    """Training."""

    weight_decay: Tried[Annotated[float, Field(ge=0)]] = Field(
        description="on the softmax layer {Huang 4.1: 0.0001 for train.lstm.*}"
    )
    learning_rate: Tried[Annotated[float, Field(gt=0)]] = Field(description="of Adam")
    balanced: bool = Field(description="weigh classes by their inverse frequency in training")
    batch: Tried[Annotated[int, Field(ge=1)]] = Field(description="clips per step")
    epochs: int = Field(ge=1, description="at most")
    patience: int | None = Field(ge=1, description=PATIENCE.format("(lower) validation loss"))
    max_gradient: float = Field(
        5.0, ge=0, description="norm that the gradients of neither the softmax layer nor the rest exceed; 0 = no limit"
    )
    step_s: float = Field(
        ge=0, description="frames are averaged over steps of so many s before the network; 0 = no averaging"
    )
    seed: int = Field(ge=0, description="of initial weights, order and dropout")
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description=SEEDS)
    refit: bool = Field(False, description=REFIT)


class _Recurrent(Settings):
    cells: Tried[Annotated[int, Field(ge=1)]] = Field(
        description="nodes of the LSTM {Huang 4.1: 128 for train.lstm.*} {Ouyang 6.2.1: 128 for train.temporal.*}"
    )
    dropout: Tried[Annotated[float, Field(ge=0, lt=1)]] = Field(
        description="after the LSTM {Huang 4.1: 0.5 for train.lstm.*} {Ouyang 6.2.1: 0.7 for train.temporal.*}",
    )
    readout: Literal["last", "mean"] = Field(
        description="LSTM output that the softmax sees: at the last step, or the mean"
    )


class SequenceParams(LoopSettings, _Recurrent):  # fields stand in files in the order of the bases from right to left
    """Network and training."""


def _chosen(tried: list[np.ndarray], labels: np.ndarray, known: np.ndarray, clips: np.ndarray) -> np.ndarray:
    """Return posteriors (N, C) of the epoch, of those `tried`, with the lowest loss on some validation clips."""
    return min(tried, key=lambda each: judged(each[clips], labels[clips], known)[0])


class SequenceClassifier(ABC):
    """One network on one feature."""

    network: nn.Module
    place = CPU

    def __init__(self, params: Any, classes: int) -> None:
        self.params, self.classes = params, classes

    @abstractmethod
    def new_network(self, widths: tuple[int, ...]) -> nn.Module:
        """Return a network, called with padded sequences and their lengths; its last layer is `softmax`.

        `widths` are the columns of each network layer that the feature holds side by side; one where it holds none.
        """

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per epoch: learning_rate, epoch, loss, val_loss, val_accuracy."""
        self._measure(train)
        tried: list[np.ndarray] = []
        history = self._train(train, val, self.params.epochs, tried)
        kept = min(history, key=lambda row: row["val_loss"]) if self.params.patience else history[-1]
        self.chosen = 1 + int(kept["epoch"])  # the first of equals
        if not self.params.patience:
            tried = tried[-1:]
        self.validated = by_others(val.speakers, val.labels, partial(_chosen, tried, val.labels, self.known)), None
        return [{"learning_rate": self.params.learning_rate, **row} for row in history]

    def _measure(self, train: Dataset) -> None:
        self.known = np.unique(train.labels)
        self.widths = train.widths or (train.sequences[0].shape[1],)
        self.scaler = Scaler.of_clips(train)  # clip by clip: a layer may have tens of thousands of columns

    def refit(self, data: Dataset) -> None:
        """Train anew, on training and validation clips, for as many epochs as `fit` has kept."""
        self._measure(data)
        self._train(data, data.some(()), self.chosen, [])

    def _train(self, train: Dataset, val: Dataset, epochs: int, tried: list[np.ndarray]) -> list[dict[str, float]]:
        """Train `self.network`; return the epochs, and add the validation posteriors of each. Without validation clips
        the last one is kept.
        """
        torch.manual_seed(self.params.seed)
        self.network = self.new_network(self.widths).to(self.place.device)
        labels = torch.from_numpy(train.labels)
        weights = class_weights(labels, self.classes).to(self.place.device) if self.params.balanced else None

        def loss(rows: torch.Tensor) -> tuple[torch.Tensor, int]:
            logits = self._logits(train.some(rows.tolist()))
            return nn.functional.cross_entropy(logits, labels[rows].to(logits.device), weights), len(rows)

        def judge(epoch: int, total: float) -> tuple[dict[str, float], Score]:
            row = {"epoch": epoch, "loss": round(total / len(train), 6)}
            if not len(val):
                return row, ()
            tried.append(self.predict(val))
            val_loss, val_accuracy = judged(tried[-1], val.labels, self.known)
            return {**row, "val_loss": val_loss, "val_accuracy": val_accuracy}, (-val_loss,)

        p = self.params
        optimiser, schedule = Adam(self._groups(), lr=p.learning_rate), Schedule(lambda _: p.learning_rate)
        given = (self.network, optimiser, schedule, lambda _: minibatches(len(train), p.batch), loss, judge)
        known, patience = prior(train.labels, val.labels, weights), p.patience if len(val) else None
        return Loop(*given, epochs, patience, max_gradient=p.max_gradient, prior=known).run()

    def _groups(self) -> list[dict[str, Any]]:
        softmax = list(self.network.get_submodule("softmax").parameters())
        body = [w for w in self.network.parameters() if all(w is not s for s in softmax)]
        return [{"params": body}, {"params": softmax, "weight_decay": self.params.weight_decay}]

    def _logits(self, data: Dataset) -> torch.Tensor:
        sequences = data.sequences
        # scaled batch by batch: a scaled copy of all clips of a wide feature would take twice the memory
        lengths = [len(sequence) for sequence in sequences]
        scaled = torch.from_numpy(self.scaler(np.concatenate(sequences)))
        padded = pad_sequence(scaled.split(lengths), batch_first=True).to(self.place.device)
        # in float32 whatever the precision, as the heads of networks end to end
        found: torch.Tensor = self.network(padded, torch.tensor(lengths))
        return found

    @torch.inference_mode()
    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64; to the last bit those of each clip alone, see `read_out`."""
        self.network.eval()
        found = np.zeros((len(data), self.classes))
        by_length = np.argsort([-len(sequence) for sequence in data.sequences], kind="stable")
        for first in range(0, len(data), self.params.batch):
            chosen = by_length[first : first + self.params.batch]
            logits = self._logits(data.some(chosen))
            found[chosen] = torch.softmax(logits.double(), 1).cpu().numpy()
        return found

    def save(self, path: Path) -> None:
        """Write `<path>.pt`: state dict, scaler, widths of the layers and settings; loads with `weights_only=True`."""
        scaler = {name: torch.from_numpy(values) for name, values in vars(self.scaler).items()}
        rest = {"widths": list(self.widths), "params": self.params.model_dump_json()}
        save_tensors(path, {"state": copied(self.network), **scaler, **rest})

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_tensors(path)
        with loading(path, "these settings"):
            self.scaler = Scaler(found["mean"].numpy(), found["scale"].numpy())
            self.widths = tuple(found["widths"])
            self.network = self.new_network(self.widths)
            self.network.load_state_dict(found["state"])
