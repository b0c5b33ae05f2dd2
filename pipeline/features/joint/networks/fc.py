"""fc: fully connected layers with dropout, the "FC" of Zhang et al. 2017, section IV.D and Table X.

FC-1, FC-2 and FC-3 of the paper are one, two and three hidden layers. The dropout layer lies before the softmax layer,
as in their earlier work [61]. First weights are random, which is what the paper compares the DBN's pre-training with.
"""

from collections.abc import Mapping

import torch
from pydantic import Field

from pipeline.features.joint.networks import Row, Segments
from pipeline.features.joint.networks._tuning import Layers, NetworkFeature, TuneParams, fitted, restored
from pipeline.features.joint.networks._tuning import chosen as chosen
from pipeline.networks.fusion_dbn import FusionFC


class Params(TuneParams):
    """Layers and training."""

    layers: Layers = Field(
        min_length=1,
        description="widths of the layers, from the bottom up {Zhang IV.D: [4096] for *.fc1.*} {Zhang IV.D: [4096, "
        "2048] for *.fc2.*} {Zhang IV.D: [4096, 2048, 1024] for *.fc3.*}",
    )
    dropout: float = Field(ge=0, lt=1, description="before the softmax layer {Zhang IV.B: 0.3}")


def fit(
    params: Params, train: Segments, val: Segments, classes: int, device: str = "cpu"
) -> tuple[NetworkFeature, list[Row]]:
    """Train the network; see `fitted`."""
    return fitted(lambda columns: FusionFC(columns, params.layers, classes, params.dropout), params, train, val, device)


def load(params: Params, state: Mapping[str, torch.Tensor], columns: int, classes: int) -> NetworkFeature:
    """Return the feature whose `state` was kept; see `restored`."""
    return restored(FusionFC(columns, params.layers, classes, params.dropout), state)
