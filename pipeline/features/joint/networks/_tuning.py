"""What dbn and fc share: supervised training by stochastic gradient descent, and the learned feature."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, TypeVar

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.features.joint.networks import Row, Segments
from pipeline.networks.fusion_dbn import FusionNetwork
from pipeline.training.datasets import Scaler
from pipeline.training.learning import prior
from pipeline.training.loop import Loop, Schedule, Score, minibatches
from pipeline.training.optimiser import SGD
from pipeline.training.task import PATIENCE, check_device

Network = TypeVar("Network", bound=FusionNetwork)
Tuned = TypeVar("Tuned", bound="TuneParams")
Tensors = tuple[torch.Tensor, torch.Tensor]
"""Scaled inputs (S, D) and labels (S,), on the device."""
Layers = tuple[Annotated[int, Field(ge=1)], ...]


class TuneParams(Settings):
    """Supervised training, Zhang et al. 2017, section IV.B."""

    epochs: int = Field(ge=1, description="at most {Zhang IV.B: 100}")
    learning_rate: float = Field(gt=0, description="of supervised training {Zhang IV.B: 0.001}")
    momentum: float = Field(ge=0, lt=1, description="of every gradient descent here {Zhang IV.B: 0.9}")
    batch: int = Field(ge=1, description="segments per step {Zhang IV.B: 30}")
    patience: int | None = Field(
        ge=1, description=PATIENCE.format("accuracy on validation, or the same at a lower loss")
    )
    seed: int = Field(ge=0, description="of initial weights, order and samples")


@dataclass(frozen=True)
class NetworkFeature:
    """The last hidden layer of a trained network in evaluation mode, behind the scaling of its inputs."""

    network: FusionNetwork
    scaler: Scaler
    device: str

    @property
    def dimension(self) -> int:
        return self.network.dimension

    @torch.inference_mode()
    def __call__(self, inputs: np.ndarray) -> np.ndarray:
        """Return the feature (S, dimension) float32 of inputs (S, D)."""
        rows = torch.from_numpy(self.scaler(inputs).astype(np.float32, copy=False)).to(self.device)
        return self.network.features(rows).cpu().numpy()

    def state(self) -> dict[str, torch.Tensor]:
        """Return the network's state dict and the scaling as `mean` and `scale`, on the CPU."""
        weights = {name: tensor.detach().cpu() for name, tensor in self.network.state_dict().items()}
        return {**weights, "mean": torch.from_numpy(self.scaler.mean), "scale": torch.from_numpy(self.scaler.scale)}


def restored(network: FusionNetwork, state: Mapping[str, torch.Tensor]) -> NetworkFeature:
    """Return the feature whose `state` was kept, on the CPU; WeightsError for that of another network."""
    try:
        network.load_state_dict({name: state[name] for name in state if name not in ("mean", "scale")})
        scaler = Scaler(state["mean"].numpy(), state["scale"].numpy())
    except (RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise WeightsError(
            f"a fusion network's weights are for other settings ({reason}); run `dvc repro fuse_features`"
        ) from error
    return NetworkFeature(network.eval(), scaler, "cpu")


def fitted(
    build: Callable[[int], Network],
    params: TuneParams,
    train: Segments,
    val: Segments,
    device: str,
    prepare: Callable[[Network, torch.Tensor], list[Row]] = lambda *_: [],
) -> tuple[NetworkFeature, list[Row]]:
    """Train a network; return its last hidden layer as a feature, and one row per epoch.

    Args:
        build: columns -> the network
        params: of the training
        train: one segment at least
        val: decides when to stop; may be empty
        device: `cpu` or `cuda`
        prepare: takes the network and the scaled training inputs before the training; returns the history so far
    """
    check_device(device)
    scaler = Scaler.of(train, train.inputs)
    learned = _tensors(train, scaler, device)
    # initial weights and dropout are drawn of torch's global generator, which is put back afterwards
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(params.seed)
        network = build(train.inputs.shape[1]).to(device)
        history = prepare(network, learned[0])
        history += tune(network, learned, _tensors(val, scaler, device), params)
    return NetworkFeature(network, scaler, device), history


def _tensors(segments: Segments, scaler: Scaler, device: str) -> Tensors:
    inputs = torch.from_numpy(scaler(segments.inputs).astype(np.float32, copy=False))
    return inputs.to(device), torch.from_numpy(segments.labels.astype(np.int64, copy=False)).to(device)


def finite(loss: float, setting: str, rate: float) -> float:
    """Return a loss to six decimals; SettingsError where the learning rate that `setting` names made it infinite."""
    if not math.isfinite(loss):
        raise SettingsError(f"params.yaml: {setting}: {rate} makes a fusion network's training diverge; lower it")
    return round(loss, 6)


def tune(network: FusionNetwork, train: Tensors, val: Tensors, params: TuneParams) -> list[Row]:
    """Train with cross-entropy, and return one row per epoch.

    The network ends in evaluation mode with the weights that `params.patience` says. Segments of classes that `train`
    lacks do not count in `val`, since nothing could teach them. Without segments every epoch is run, and the last is
    kept.
    """
    # fused: one pass over each matrix, in place; the other forms copy the gradient where weights decay
    optimiser = SGD(network.parameters(), lr=params.learning_rate, momentum=params.momentum, fused=True)
    order = torch.Generator().manual_seed(params.seed)
    known = torch.isin(val[1], train[1])
    patience = params.patience if known.any() else None

    def loss(rows: torch.Tensor) -> tuple[torch.Tensor, int]:
        return nn.functional.cross_entropy(network(train[0][rows]), train[1][rows]), len(rows)

    def judge(epoch: int, total: float) -> tuple[Row, Score]:
        mean = finite(total / len(train[1]), "learning_rate", params.learning_rate)
        found = _judge(network, val[0][known], val[1][known])
        score = (found["val_accuracy"], -found["val_loss"]) if patience else ()
        return {"phase": "tune", "epoch": epoch, "loss": mean, **found}, score

    schedule, rounds = Schedule(lambda _: params.learning_rate), (params.epochs, patience)
    batches = partial(minibatches, len(train[1]), params.batch, order)
    loop = Loop(network, optimiser, schedule, lambda _: batches(), loss, judge, *rounds)
    loop.prior = prior(train[1].cpu(), val[1].cpu())
    history = loop.run()
    network.eval()
    return history


def chosen(params: Tuned, history: Sequence[Row]) -> Tuned:
    """Return the settings with as many epochs as `tune` trained until the one that it kept."""
    rows = [row for row in history if row["phase"] == "tune"]
    if params.patience is None or not rows or rows[0]["val_accuracy"] is None:
        return params
    best = max(rows, key=lambda row: (row["val_accuracy"], -float(row["val_loss"] or 0.0)))  # the first of equals
    return params.model_copy(update={"epochs": int(best["epoch"] or 0) + 1})


@torch.inference_mode()
def _judge(network: FusionNetwork, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, Any]:
    if not len(labels):
        return {"val_loss": None, "val_accuracy": None}
    network.eval()
    logits = network(inputs)
    loss = nn.functional.cross_entropy(logits, labels).item()
    return {"val_loss": round(loss, 6), "val_accuracy": round((logits.argmax(1) == labels).double().mean().item(), 6)}
