"""lstm: hidden 128 -> LSTM 128 -> dropout 0.5 -> softmax, Huang et al. 2017, section 4.1.

Weight decay 1e-4 lies on the softmax layer alone, as in the paper. Hyper-parameters are chosen by the accuracy on
validation, as in the paper: the learning rate among the candidates. Within one training the epoch with the lowest
validation loss is kept, since a few dozen validation clips give many epochs the same accuracy.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from pipeline.core.files import atomic_path
from pipeline.core.settings import Settings
from pipeline.datasets import Dataset, Scaler
from pipeline.networks.lstm import EmotionLSTM

LIGHT = False


class Params(Settings):
    """Network and training."""

    hidden: int = Field(ge=1, description="nodes of the hidden layer")
    cells: int = Field(ge=1, description="nodes of the LSTM")
    dropout: float = Field(ge=0, lt=1, description="after the LSTM")
    readout: Literal["last", "mean"] = Field(description="LSTM output that the softmax sees: at the last step, or the mean")
    weight_decay: float = Field(ge=0, description="on the softmax layer")
    learning_rate: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=1, description="of Adam; candidates, the best on validation is taken"
    )
    balanced: bool = Field(description="weigh classes by their inverse frequency in training")
    batch: int = Field(ge=1, description="clips per step")
    epochs: int = Field(ge=1, description="at most")
    patience: int = Field(ge=1, description="stop after so many epochs without a lower validation loss")
    step_s: float = Field(ge=0, description="frames are averaged over steps of so many s before the LSTM; 0 = no averaging")
    seed: int = Field(ge=0, description="of initial weights, order and dropout")


def class_weights(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Return N / (occurring classes * clips of the class), (C,); 0 for a class without a clip."""
    counts = torch.bincount(labels, minlength=classes)
    occurring = (counts > 0).sum()
    return torch.where(counts > 0, len(labels) / (occurring * counts.clamp(min=1)), 0.0)


class Classifier:
    """One LSTM on one feature."""

    network: EmotionLSTM

    def __init__(self, params: Params, classes: int) -> None:
        self.params = params
        self.classes = classes

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per epoch of every candidate: learning_rate, epoch, loss, val_loss, val_accuracy."""
        self.known = np.unique(train.labels)
        self.scaler = Scaler.of(train, np.concatenate(train.sequences))
        sequences, labels = self._tensors(train), torch.from_numpy(train.labels)
        history: list[dict[str, float]] = []
        found = []
        for rate in self.params.learning_rate:
            rows = self._train(sequences, labels, val, rate)
            history += [{"learning_rate": rate, **row} for row in rows]
            kept = min(rows, key=lambda row: row["val_loss"])
            found.append((kept["val_accuracy"], -kept["val_loss"], self.network))
        self.network = max(found, key=lambda candidate: candidate[:2])[2]  # the first of equals
        return history

    def _train(self, sequences: list[torch.Tensor], labels: torch.Tensor, val: Dataset, rate: float) -> list[dict[str, float]]:
        """Train one candidate into `self.network`; return its epochs."""
        p = self.params
        torch.manual_seed(p.seed)
        self.network = EmotionLSTM(sequences[0].shape[1], self.classes, p.hidden, p.cells, p.dropout, p.readout)
        softmax = list(self.network.softmax.parameters())
        body = [w for w in self.network.parameters() if all(w is not s for s in softmax)]
        groups: list[dict[str, Any]] = [{"params": body}, {"params": softmax, "weight_decay": p.weight_decay}]
        optimiser = torch.optim.Adam(groups, lr=rate)
        return self._loop(sequences, labels, val, optimiser)

    def _loop(
        self, sequences: list[torch.Tensor], labels: torch.Tensor, val: Dataset, optimiser: torch.optim.Optimizer
    ) -> list[dict[str, float]]:
        weights = class_weights(labels, self.classes) if self.params.balanced else None
        history: list[dict[str, float]] = []
        best, best_state, since = float("inf"), self._state(), 0
        for epoch in range(self.params.epochs):
            loss = self._epoch(sequences, labels, weights, optimiser)
            val_loss, val_accuracy = self._judge(val)
            history.append({"epoch": epoch, "loss": loss, "val_loss": val_loss, "val_accuracy": val_accuracy})
            since += 1
            if val_loss < best:
                best, best_state, since = val_loss, self._state(), 0
            if since >= self.params.patience:
                break
        self.network.load_state_dict(best_state)
        return history

    def _epoch(
        self, sequences: list[torch.Tensor], labels: torch.Tensor, weights: torch.Tensor | None, optimiser: torch.optim.Optimizer
    ) -> float:
        self.network.train()
        total = 0.0
        for rows in torch.randperm(len(sequences)).split(self.params.batch):
            optimiser.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(self._logits([sequences[i] for i in rows]), labels[rows], weights)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
            optimiser.step()
            total += loss.item() * len(rows)
        return round(total / len(sequences), 6)

    def _judge(self, val: Dataset) -> tuple[float, float]:
        posteriors = self.predict(val)
        accuracy = float((posteriors.argmax(1) == val.labels).mean())
        chosen = posteriors[np.arange(len(val)), val.labels]
        # a class that training lacks cannot be learned: its validation clips would only stop the training early
        fair = chosen[np.isin(val.labels, self.known)] if np.isin(val.labels, self.known).any() else chosen
        return round(float(-np.log(np.maximum(fair, 1e-12)).mean()), 6), round(accuracy, 6)

    def _tensors(self, data: Dataset) -> list[torch.Tensor]:
        return [torch.from_numpy(self.scaler(sequence)) for sequence in data.sequences]

    def _logits(self, sequences: list[torch.Tensor]) -> torch.Tensor:
        lengths = torch.tensor([len(sequence) for sequence in sequences])
        return self.network(pad_sequence(sequences, batch_first=True), lengths)

    @torch.inference_mode()
    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        self.network.eval()
        if not len(data):
            return np.zeros((0, self.classes))
        # one clip at a time: the neighbours in a padded batch would change the last bits
        logits = torch.cat([self._logits([sequence]) for sequence in self._tensors(data)])
        return torch.softmax(logits.double(), 1).numpy()

    def _state(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self.network.state_dict().items()}

    def save(self, path: Path) -> None:
        """Write `<path>.pt`: state dict, scaler and settings; loads with `weights_only=True`."""
        content: dict[str, Any] = {
            "state": self._state(),
            "mean": torch.from_numpy(self.scaler.mean),
            "scale": torch.from_numpy(self.scaler.scale),
            "params": self.params.model_dump_json(),
        }
        buffer = io.BytesIO()
        torch.save(content, buffer)
        with atomic_path(path.with_name(path.name + ".pt")) as temporary:
            temporary.write_bytes(buffer.getvalue())
