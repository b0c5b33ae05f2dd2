"""TanhDNN: the shapes of Ouyang et al. 2017, and a forward pass that equals equations (3) and (4) one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.networks.tanh_dnn import TanhDNN


def test_layers_of_the_paper():
    expected = {
        "mean": (88,), "scale": (88,), "body.0.weight": (256, 88), "body.0.bias": (256,),
        "body.1.weight": (256, 256), "body.1.bias": (256,), "output.weight": (2, 256), "output.bias": (2,),
    }  # fmt: skip
    assert {name: tuple(tensor.shape) for name, tensor in TanhDNN(88, 2).state_dict().items()} == expected


def test_forward_is_tanh_tanh_softmax_of_normalised_rows():
    torch.manual_seed(0)
    network = TanhDNN(5, 3, hidden=7)
    mean, scale = np.arange(5, dtype=np.float32), np.array([1, 2, 0.5, 1, 10], np.float32)
    network.set_scale(mean, scale)
    state = {name: tensor.numpy().astype(np.float64) for name, tensor in network.state_dict().items()}
    rows = np.random.default_rng(0).normal(2, 1, (4, 5)).astype(np.float32)
    hidden = (rows - mean) / scale
    for layer in ("body.0", "body.1"):
        hidden = np.tanh(hidden @ state[f"{layer}.weight"].T + state[f"{layer}.bias"])
    logits = hidden @ state["output.weight"].T + state["output.bias"]
    with torch.inference_mode():
        np.testing.assert_allclose(network(torch.from_numpy(rows)).numpy(), logits, atol=1e-6)


@pytest.mark.parametrize("far", [10.0, 11.0, 1e20])
def test_an_outlier_counts_as_ten_deviations(far):
    network = TanhDNN(2, 2, hidden=4)
    with torch.inference_mode():
        assert torch.equal(network(torch.tensor([[far, -far]])), network(torch.tensor([[10.0, -10.0]])))


def test_initial_weights_are_glorots_and_biases_zero():
    torch.manual_seed(0)
    network = TanhDNN(88, 2)
    for layer in (*network.body, network.output):
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert 0.95 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


def test_the_same_seed_gives_the_same_weights():
    one, two = (TanhDNN(5, 2, 4).state_dict() for _ in range(2) if torch.manual_seed(3))
    assert all(torch.equal(one[name], tensor) for name, tensor in two.items())
