"""What the classifiers on sequences share: a network with a softmax layer, trained until validation gets no better.

Weight decay lies on the softmax layer alone, and the learning rate is chosen by the accuracy on validation, both as in
Huang et al. 2017, section 4.1. Within one training the epoch with the lowest validation loss is kept, since a few dozen
validation clips give many epochs the same accuracy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from pipeline.classification.classifiers._files import load_tensors, loading, save_tensors
from pipeline.core.settings import Settings
from pipeline.training.datasets import Dataset, Scaler, judged
from pipeline.training.learning import prior
from pipeline.training.loop import Loop, Schedule, Score, copied, minibatches


class SequenceParams(Settings):
    """Network and training."""

    cells: int = Field(
        ge=1, description="nodes of the LSTM {Huang 4.1: 128 for train.lstm.*} {Ouyang 6.2.1: 128 for train.temporal.*}"
    )
    dropout: float = Field(
        ge=0,
        lt=1,
        description="after the LSTM {Huang 4.1: 0.5 for train.lstm.*} {Ouyang 6.2.1: 0.7 for train.temporal.*}",
    )
    readout: Literal["last", "mean"] = Field(
        description="LSTM output that the softmax sees: at the last step, or the mean"
    )
    weight_decay: float = Field(ge=0, description="on the softmax layer {Huang 4.1: 0.0001 for train.lstm.*}")
    learning_rate: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=1, description="of Adam; candidates, the best on validation is taken"
    )
    balanced: bool = Field(description="weigh classes by their inverse frequency in training")
    batch: int = Field(ge=1, description="clips per step")
    epochs: int = Field(ge=1, description="at most")
    patience: int = Field(ge=1, description="stop after so many epochs without a lower validation loss")
    step_s: float = Field(
        ge=0, description="frames are averaged over steps of so many s before the LSTM; 0 = no averaging"
    )
    seed: int = Field(ge=0, description="of initial weights, order and dropout")


def class_weights(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return N / (occurring classes * clips of the class), (C,); 0 for a class without a clip."""
    counts = torch.bincount(labels, minlength=classes)
    occurring = (counts > 0).sum()
    return torch.where(counts > 0, len(labels) / (occurring * counts.clamp(min=1)), 0.0)


class SequenceClassifier(ABC):
    """One network on one feature."""

    network: nn.Module

    def __init__(self, params: SequenceParams, classes: int) -> None:
        self.params, self.classes = params, classes

    @abstractmethod
    def new_network(self, widths: tuple[int, ...]) -> nn.Module:
        """Return a network, called with padded sequences and their lengths; its last layer is `softmax`.

        `widths` are the columns of each network layer that the feature holds side by side; one where it holds none.
        """

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per epoch of every candidate: learning_rate, epoch, loss, val_loss, val_accuracy."""
        self.known = np.unique(train.labels)
        self.widths = train.widths or (train.sequences[0].shape[1],)
        self.scaler = Scaler.of_clips(train)  # clip by clip: a layer may have tens of thousands of columns
        history: list[dict[str, float]] = []
        found = []
        for rate in self.params.learning_rate:
            rows = self._train(train, val, rate)
            history += [{"learning_rate": rate, **row} for row in rows]
            kept = min(rows, key=lambda row: row["val_loss"])
            found.append((kept["val_accuracy"], -kept["val_loss"], self.network))
        self.network = max(found, key=lambda candidate: candidate[:2])[2]  # the first of equals
        return history

    def _train(self, train: Dataset, val: Dataset, rate: float) -> list[dict[str, float]]:
        """Train one candidate into `self.network`; return its epochs."""
        torch.manual_seed(self.params.seed)
        self.network = self.new_network(self.widths)
        softmax = list(self.network.get_submodule("softmax").parameters())
        body = [w for w in self.network.parameters() if all(w is not s for s in softmax)]
        groups: list[dict[str, Any]] = [{"params": body}, {"params": softmax, "weight_decay": self.params.weight_decay}]
        labels = torch.from_numpy(train.labels)
        weights = class_weights(labels, self.classes) if self.params.balanced else None

        def loss(rows: torch.Tensor) -> tuple[torch.Tensor, int]:
            logits = self.network(*self._padded([train.sequences[i] for i in rows]))
            return nn.functional.cross_entropy(logits, labels[rows], weights), len(rows)

        def judge(epoch: int, total: float) -> tuple[dict[str, float], Score]:
            val_loss, val_accuracy = judged(self.predict(val), val.labels, self.known)
            row = {"epoch": epoch, "loss": round(total / len(train), 6)}
            return {**row, "val_loss": val_loss, "val_accuracy": val_accuracy}, (-val_loss,)

        optimiser, schedule, p = torch.optim.Adam(groups, lr=rate), Schedule(lambda _: rate), self.params
        given = (self.network, optimiser, schedule, lambda _: minibatches(len(train), p.batch), loss, judge)
        known = prior(train.labels, val.labels, weights)
        return Loop(*given, p.epochs, p.patience, max_gradient=5.0, prior=known).run()

    def _padded(self, sequences: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        # scaled batch by batch: a scaled copy of all clips of a wide feature would take twice the memory
        lengths = [len(sequence) for sequence in sequences]
        scaled = torch.from_numpy(self.scaler(np.concatenate(sequences)))
        return pad_sequence(scaled.split(lengths), batch_first=True), torch.tensor(lengths)

    @torch.inference_mode()
    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64; to the last bit those of each clip alone, see `read_out`."""
        self.network.eval()
        found = np.zeros((len(data), self.classes))
        by_length = np.argsort([-len(sequence) for sequence in data.sequences], kind="stable")
        for first in range(0, len(data), self.params.batch):
            chosen = by_length[first : first + self.params.batch]
            logits = self.network(*self._padded([data.sequences[i] for i in chosen]))
            found[chosen] = torch.softmax(logits.double(), 1).numpy()
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
