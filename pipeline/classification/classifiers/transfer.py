"""transfer: the gender DNN trained further on emotions, Ouyang et al. 2017, section 4 and Fig. 6.

The hidden layers of the source task (`pipeline/pretraining/sources/gender.py`) are taken over, the softmax layer is
new, and all layers are trained by the source task's schedule (`pipeline/training/cntk_schedule.py`) with a learning
rate of 0.002. Rows, the clip's functionals, get zero mean and unit variance over the training clips of the fold. Where
a clip has several rows each of them is an example with the clip's label, and the clip's posteriors are their mean.

The softmax has the classes of the training clips; a class that they lack has posterior 0. Validation clips of such a
class do not control the schedule, and where no other is left the training rows do, as in CNTK without a validation set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from pipeline.classification.candidates import SEEDS, Tried
from pipeline.classification.classifiers._files import load_tensors, loading, save_tensors
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.store import FeatureMeta
from pipeline.core.weights_file import Weights, load_state, load_weights
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.training.cntk_schedule import AdjustedRate, fit
from pipeline.training.datasets import Dataset, Scaler
from pipeline.training.place import CPU
from pipeline.training.task import Examples, Run

LIGHT = False
WEIGHTS = True


class Params(AdjustedRate):
    """What is transferred, and the training."""

    pretrained: str = Field("gender", pattern=r"^\w+$", description="network of `pretrain` whose weights it begins at")
    learning_rate: Tried[Annotated[float, Field(gt=0)]] = Field(
        0.002, description="per minibatch, at the beginning {Ouyang 6.3: 0.002}"
    )
    transferred: bool = Field(
        True, description="begin with the hidden layers of the gender DNN; false = with random ones"
    )
    frozen: Tried[Annotated[int, Field(ge=0)]] = Field(
        0, description="hidden layers, counted from the input, that stay as the source task left them"
    )
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field((), description=SEEDS)


def _loaded(folder: Path | None) -> Weights:
    if folder is None:
        raise WeightsError("transfer needs the gender DNN that `dvc repro pretrain@gender` trains")
    weights = load_weights(folder)
    if "genders" not in weights.config:
        raise WeightsError(f"{folder}: these are not the weights of a gender DNN; run `dvc repro pretrain@gender`")
    return weights


def check_input(meta: FeatureMeta, weights: Path) -> None:
    """Refuse features with other columns than the gender DNN was trained on, or sound normalised in another way."""
    config = _loaded(weights).config
    if list(meta.columns) != config["columns"]:
        raise SettingsError(f"transfer: the columns of {meta.feature} are not those of {weights}; train it on egemaps")
    ours, theirs = meta.params.get("normalise"), config["egemaps"]["normalise"]
    if ours != theirs:
        raise SettingsError(
            f"params.yaml: extract.{meta.feature}.normalise is {ours}, but "
            f"pretrain.{weights.name}.settings.egemaps.normalise was {theirs}; make both equal"
        )


class Classifier:
    """One DNN on one feature, begun with the weights in the folder of the gender DNN."""

    network: TanhDNN
    place = CPU

    def __init__(self, params: Params, classes: int, weights: Path | None) -> None:
        self.params, self.classes = params, classes
        loaded = _loaded(weights)
        self.source = load_state(TanhDNN(**loaded.config["network"]), loaded, Path(weights or ""))
        if params.frozen > len(self.source.body):
            raise SettingsError(
                f"params.yaml: train.transfer.frozen: {params.frozen}, but the gender DNN has "
                f"{len(self.source.body)} hidden layers"
            )

    def fit(self, train: Dataset, val: Dataset) -> list[dict[str, float]]:
        """Train; return one row per epoch: epoch, learning_rate, loss, val_loss, val_accuracy (of rows)."""
        self.known = np.unique(train.labels)
        self.network = self._begun(len(self.known))
        rows, labels = self._rows(train)
        scaler = Scaler.of(train, rows)
        self.network.set_scale(scaler.mean, scaler.scale)
        learn, judged = Examples(torch.from_numpy(rows), labels), self._rows(val)
        control = Examples(torch.from_numpy(judged[0]), judged[1]) if len(judged[0]) else learn
        history = fit(self.network, learn, control, self.params, Run(self.place.device, self.place.mixed_precision))
        return [{name.replace("held_out", "val"): value for name, value in row.items()} for row in history]

    def _begun(self, classes: int) -> TanhDNN:
        """Return the network as training begins; its softmax layer is the same with and without the transfer."""
        torch.manual_seed(self.params.seed)
        network = self._new(classes)
        if self.params.transferred:
            network.body.load_state_dict(self.source.body.state_dict())
        network.body[: self.params.frozen].requires_grad_(False)
        return network

    def _new(self, classes: int) -> TanhDNN:
        return TanhDNN(self.source.mean.numel(), classes, self.source.output.in_features, len(self.source.body))

    def _rows(self, data: Dataset) -> tuple[np.ndarray, torch.Tensor]:
        """Return (rows, their indices into `known`) of the clips whose class is known."""
        width = self.source.mean.numel()
        chosen = np.flatnonzero(np.isin(data.labels, self.known))
        rows = [np.zeros((0, width), np.float32), *(data.sequences[i] for i in chosen)]
        if rows[-1].shape[1] != width:
            raise WeightsError(f"transfer: rows of {rows[-1].shape[1]} columns, but the gender DNN takes {width}")
        labels = np.searchsorted(self.known, data.labels[chosen])
        counts = [len(data.sequences[i]) for i in chosen]
        return np.concatenate(rows), torch.from_numpy(np.repeat(labels, counts))

    @torch.inference_mode()
    def predict(self, data: Dataset) -> np.ndarray:
        """Return posteriors, (N, C) float64."""
        found = np.zeros((len(data), self.classes))
        for number, rows in enumerate(data.sequences):  # one clip at a time: its neighbours would change the last bits
            logits = self.network(torch.tensor(rows)).double()
            found[number, self.known] = torch.softmax(logits, 1).mean(0).numpy()
        return found

    def save(self, path: Path) -> None:
        """Write `<path>.pt`: state dict with the scaling, classes and settings; loads with `weights_only=True`."""
        rest = {"classes": torch.from_numpy(self.known), "params": self.params.model_dump_json()}
        save_tensors(path, {"state": dict(self.network.state_dict()), **rest})

    def load(self, path: Path) -> None:
        """Read what `save` wrote; posteriors are those of the saved classifier to the last bit."""
        found = load_tensors(path)
        with loading(path, "this gender DNN"):
            self.known = found["classes"].numpy()
            self.network = self._new(len(self.known))
            self.network.load_state_dict(found["state"])
