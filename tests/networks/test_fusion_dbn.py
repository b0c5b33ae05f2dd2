"""Fusion networks: the shapes of Zhang et al. 2017, Table X, and what is behind each layer."""

from __future__ import annotations

import math

import pytest
import torch

from pipeline.networks.fusion_dbn import FusionDBN, FusionFC
from pipeline.networks.rbm import BernoulliRBM, GaussianRBM

TABLE_X = {
    1: [(8192, 4096), (4096, 6)],
    2: [(8192, 4096), (4096, 2048), (2048, 6)],
    3: [(8192, 4096), (4096, 2048), (2048, 1024), (1024, 6)],
}
"""Inputs and outputs of every layer, by the number in the network's name."""


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def layers_of(network) -> list[torch.nn.Linear]:
    return [layer for layer in network.modules() if isinstance(layer, torch.nn.Linear)]


@pytest.mark.parametrize("number", TABLE_X)
@pytest.mark.parametrize("kind", [FusionDBN, FusionFC])
def test_layers_at_full_size(kind, number):
    hidden = [after for _, after in TABLE_X[number][:-1]]
    with torch.device("meta"):
        network = kind(8192, hidden, 6, 0.3) if kind is FusionFC else kind(8192, hidden, 6)
        features, logits = network.features(torch.empty(2, 8192)), network(torch.empty(2, 8192))
    assert [(layer.in_features, layer.out_features) for layer in layers_of(network)] == TABLE_X[number]
    assert features.shape == (2, network.dimension) == (2, hidden[-1])
    assert logits.shape == (2, 6)


def test_the_dbns_hidden_layers_are_machines_at_full_size():
    generator = torch.Generator().manual_seed(0)
    with torch.device("meta"):
        machines = [GaussianRBM(8192, 4096, generator), BernoulliRBM(4096, 2048, generator)]
        network = FusionDBN(8192, [4096, 2048], 6)
    network.start_from(machines)
    assert [tuple(machine.weights.shape) for machine in machines] == [(4096, 8192), (2048, 4096)]


def small_machines() -> list:
    generator = torch.Generator().manual_seed(0)
    machines = [GaussianRBM(10, 7, generator), BernoulliRBM(7, 4, generator)]
    with torch.no_grad():
        for machine in machines:
            for parameter in machine.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return machines


def test_a_dbn_that_starts_from_machines_gives_their_hidden_probabilities():
    machines, network, inputs = small_machines(), FusionDBN(10, [7, 4], 3), torch.randn(5, 10)
    before = network.head[-1].weight.clone()
    network.start_from(machines)
    expected = machines[1].hidden_probabilities(machines[0].hidden_probabilities(inputs))
    assert torch.equal(network.features(inputs), expected)
    assert torch.equal(network.head[-1].weight, before), "the softmax layer has no machine"


def test_training_a_dbn_leaves_the_machines_alone():
    machines, network = small_machines(), FusionDBN(10, [7, 4], 3)
    network.start_from(machines)
    before = machines[0].weights.detach().clone()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    assert torch.equal(machines[0].weights, before)


@pytest.mark.parametrize("count", [1, 3])
def test_every_hidden_layer_needs_its_machine(count):
    with pytest.raises(ValueError, match="zip"):
        FusionDBN(10, [7, 4], 3).start_from((small_machines() * 2)[:count])


def test_logits_are_the_softmax_layer_on_the_feature():
    inputs = torch.randn(6, 10)
    for network in (FusionDBN(10, [7, 4], 3).eval(), FusionFC(10, [7, 4], 3, 0.3).eval()):
        last = network.head[-1]
        assert torch.equal(
            network(inputs), torch.nn.functional.linear(network.features(inputs), last.weight, last.bias)
        )


def test_activations_are_sigmoid_and_relu():
    inputs = 5 * torch.randn(200, 10)
    dbn, fc = FusionDBN(10, [7, 4], 3), FusionFC(10, [7, 4], 3, 0.3)
    for layer in layers_of(dbn):
        torch.nn.init.normal_(layer.weight)
    assert 0 < dbn.features(inputs).min() < 0.2 < 0.8 < dbn.features(inputs).max() < 1
    found = fc.features(inputs)
    assert found.min() == 0
    assert found.max() > 1


def test_dropout_lies_before_the_softmax_layer_alone_and_drops_three_in_ten():
    network = FusionFC(10, [3000], 1, 0.3).train()
    inputs = torch.randn(1, 10)
    assert torch.equal(network.features(inputs), network.features(inputs)), "none inside"
    dropped = network.head[0](torch.ones(1, 100_000))
    assert (dropped == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert not torch.equal(network(inputs), network(inputs))


def test_first_weights():
    dbn, fc = FusionDBN(400, [300, 200], 6), FusionFC(400, [300, 200], 6, 0.3)
    for first, second in zip(layers_of(dbn)[:-1], layers_of(fc)[:-1], strict=True):
        assert first.weight.std().item() == pytest.approx(0.01, rel=0.03), "as a machine's"
        assert second.weight.std().item() == pytest.approx(math.sqrt(2 / second.in_features), rel=0.03), "He's scale"
    assert not any(layer.bias.any() for layer in [*layers_of(dbn), *layers_of(fc)])
