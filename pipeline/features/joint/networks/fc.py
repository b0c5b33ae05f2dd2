"""fc: fully connected layers with dropout, the "FC" of Zhang et al. 2017, section IV.D and Table X.

FC-1, FC-2 and FC-3 of the paper are one, two and three hidden layers. The dropout layer lies before the softmax layer,
as in their earlier work [61]. First weights are random, which is what the paper compares the DBN's pre-training with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field

from pipeline.features.joint.networks import Row, Segments
from pipeline.features.joint.networks._tuning import NetworkFeature, TuneParams, restored, seeded, tensors, tune
from pipeline.networks.fusion_dbn import FusionFC
from pipeline.training.datasets import Scaler
from pipeline.training.task import check_device


class Params(TuneParams):
    """Layers and training."""

    layers: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1,
        description="widths of the layers, from the bottom up {Zhang IV.D: [4096] for *.fc1.*} {Zhang IV.D: [4096, "
        "2048] for *.fc2.*} {Zhang IV.D: [4096, 2048, 1024] for *.fc3.*}",
    )
    dropout: float = Field(ge=0, lt=1, description="before the softmax layer {Zhang IV.B: 0.3}")


def fit(
    params: Params, train: Segments, val: Segments, classes: int, device: str = "cpu"
) -> tuple[NetworkFeature, list[Row]]:
    """Train the network; return the last hidden layer as a feature, and one row per epoch.

    Args:
        params: layers and training
        train: S >= 1
        val: decides when to stop; may be empty
        classes: of the softmax layer
        device: `cpu` or `cuda`

    Raises:
        SettingsError: the device is not there, or training diverges
        LeakageError: `train` are not training segments
    """
    check_device(device)
    scaler = Scaler.of(train, train.inputs)
    with seeded(params.seed):
        network = FusionFC(train.inputs.shape[1], params.layers, classes, params.dropout).to(device)
        history = tune(network, tensors(train, scaler, device), tensors(val, scaler, device), params)
    return NetworkFeature(network, scaler, device), history


def load(params: Params, state: Mapping[str, torch.Tensor], columns: int, classes: int) -> NetworkFeature:
    """Return the feature whose `state` was kept.

    Raises:
        WeightsError: it is that of another network
    """
    return restored(FusionFC(columns, params.layers, classes, params.dropout), state)
