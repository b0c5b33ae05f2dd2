"""dbn: a deep belief network, the fusion of Zhang et al. 2017, section III.B.2; Table X for its depth.

DBN-1, DBN-2 and DBN-3 of the paper are one, two and three hidden layers. Step 1, without labels: restricted Boltzmann
machines, Gaussian-Bernoulli, then Bernoulli-Bernoulli on the hidden probabilities of the one below, trained greedily
from the bottom up by contrastive divergence. Step 2: a softmax layer on top, and back-propagation through all layers.
The paper says nothing of the settings of step 1; Hinton 2012, "A practical guide to training restricted Boltzmann
machines", gives ranges: machines with real inputs learn ten times slower or less (section 13.2), weights decay by 1e-5
to 1e-2 (section 10).
"""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field

from pipeline.features.joint.networks import Row, Segments
from pipeline.features.joint.networks._tuning import (
    Layers,
    NetworkFeature,
    TuneParams,
    finite,
    fitted,
    restored,
)
from pipeline.features.joint.networks._tuning import chosen as chosen
from pipeline.networks.fusion_dbn import FusionDBN
from pipeline.networks.rbm import RBM, BernoulliRBM, GaussianRBM
from pipeline.training.loop import minibatches
from pipeline.training.optimiser import SGD


class Params(TuneParams):
    """Layers, pre-training and training."""

    layers: Layers = Field(
        min_length=1,
        description="widths of the layers, from the bottom up {Zhang IV.D: [4096] for *.dbn1.*} {Zhang III.B.2: "
        "[4096, 2048] for *.dbn2.*} {Zhang IV.D: [4096, 2048, 1024] for *.dbn3.*}",
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="before the softmax layer in step 2; the paper names one for FC alone"
    )
    pretrain_epochs: int = Field(ge=0, description="per machine; 0 = layers begin at random")
    gaussian_learning_rate: float = Field(gt=0, description="of the first machine, whose inputs are real")
    pretrain_learning_rate: float = Field(gt=0, description="of the machines above")
    weight_decay: float = Field(ge=0, description="of the machines' weights, not of their biases")
    cd_steps: int = Field(ge=1, description="of the Gibbs chain, k of CD-k")
    reconstruction: Literal["mean", "sample"] = Field(
        description="visible units of the chain: their means, with less noise, or samples, whose limit for many steps "
        "is the gradient of the likelihood"
    )


def fit(
    params: Params, train: Segments, val: Segments, classes: int, device: str = "cpu"
) -> tuple[NetworkFeature, list[Row]]:
    """Train the machines, then the network; see `fitted`."""

    def prepare(network: FusionDBN, inputs: torch.Tensor) -> list[Row]:
        machines, history = pretrain(inputs, params)
        network.start_from(machines)
        return history

    def build(columns: int) -> FusionDBN:
        return FusionDBN(columns, params.layers, classes, params.dropout)

    return fitted(build, params, train, val, device, prepare)


def load(params: Params, state: Mapping[str, torch.Tensor], columns: int, classes: int) -> NetworkFeature:
    """Return the feature whose `state` was kept; see `restored`."""
    return restored(FusionDBN(columns, params.layers, classes, params.dropout), state)


def pretrain(inputs: torch.Tensor, params: Params) -> tuple[list[RBM], list[Row]]:
    """Train one machine per layer on scaled rows (S, D), from the bottom up; return them and one row per epoch."""
    generator = torch.Generator().manual_seed(params.seed)
    machines: list[RBM] = []
    history: list[Row] = []
    for number, hidden in enumerate(params.layers, 1):
        kind = BernoulliRBM if machines else GaussianRBM
        machine = kind(inputs.shape[1], hidden, generator).to(inputs.device)
        errors = _train(machine, inputs, params, generator)
        history += [
            {"phase": f"rbm{number}", "epoch": epoch, "loss": error, "val_loss": None, "val_accuracy": None}
            for epoch, error in enumerate(errors)
        ]
        machines.append(machine)
        with torch.no_grad():
            inputs = machine.hidden_probabilities(inputs)
    return machines, history


def _train(machine: RBM, inputs: torch.Tensor, params: Params, generator: torch.Generator) -> list[float]:
    gaussian = isinstance(machine, GaussianRBM)
    name = "gaussian_learning_rate" if gaussian else "pretrain_learning_rate"
    rate = params.gaussian_learning_rate if gaussian else params.pretrain_learning_rate
    groups: list[dict[str, Any]] = [
        {"params": [machine.weights], "weight_decay": params.weight_decay},
        {"params": [machine.visible_bias, machine.hidden_bias]},
    ]
    optimiser = SGD(groups, lr=rate, momentum=params.momentum, fused=True)
    sampled = params.reconstruction == "sample"
    errors = []
    for _ in range(params.pretrain_epochs):
        total = 0.0
        for rows in minibatches(len(inputs), params.batch, generator):
            visible = inputs[rows]
            means = machine.contrastive_divergence(visible, params.cd_steps, generator, sampled)
            optimiser.step()
            total += machine.reconstruction_error(visible, means).sum().item()
        errors.append(finite(total / len(inputs), name, rate))
    return errors
