"""Summed LSTMs on the layers of a network: by hand, padding, gradients."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.networks.lstm import EmotionLSTM
from pipeline.networks.temporal import ClipNetwork, LayerScales, TemporalLSTM


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def lstm_by_hand(lstm: nn.LSTM, frames: np.ndarray) -> np.ndarray:
    """Outputs (T, cells) of Hochreiter and Schmidhuber's LSTM with forget gates; torch stacks the gates i, f, g, o."""
    w, u, b, c = (
        getattr(lstm, f"{name}_l0").detach().numpy().astype(float)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    hidden, cell, outputs = np.zeros(u.shape[1]), np.zeros(u.shape[1]), []
    for frame in frames:
        i, f, g, o = np.split(w @ frame + b + u @ hidden + c, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        outputs.append(hidden)
    return np.array(outputs)


@pytest.mark.parametrize("readout", ["last", "mean"])
@pytest.mark.parametrize("widths", [(5,), (3, 1, 4)])
def test_the_sum_of_the_lstms_goes_to_the_softmax(widths, readout):
    network = TemporalLSTM(widths, 4, cells=6, dropout=0.7, readout=readout).eval()
    frames = np.random.default_rng(0).standard_normal((7, sum(widths))).astype(np.float32)
    parts = np.split(frames.astype(float), np.cumsum(widths)[:-1], axis=1)
    outputs = sum(lstm_by_hand(lstm, part) for lstm, part in zip(network.lstms, parts, strict=True))
    read = outputs[-1] if readout == "last" else outputs.mean(axis=0)
    weight, bias = (p.detach().numpy() for p in (network.softmax.weight, network.softmax.bias))
    with torch.inference_mode():
        found = network(torch.from_numpy(frames)[None], torch.tensor([7]))[0]
    np.testing.assert_allclose(found, weight @ read + bias, atol=1e-5)


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_padding_says_nothing(readout):
    network = TemporalLSTM((2, 3), 4, cells=6, readout=readout).eval()
    sequences = [torch.randn(n, 5) for n in (7, 1, 4)]
    padded = torch.full((3, 9, 5), 1e6)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    with torch.inference_mode():
        together = network(padded, torch.tensor([7, 1, 4]))
        alone = torch.cat([network(s[None], torch.tensor([len(s)])) for s in sequences])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_a_layer_talks_to_its_own_lstm_alone():
    network = TemporalLSTM((2, 3), 4, cells=6).eval()
    frames = torch.randn(1, 5, 5)
    frames[..., 2:] = 0
    with torch.no_grad():
        before = network(frames, torch.tensor([5]))
        network.lstms[1].weight_ih_l0.mul_(100)
        torch.testing.assert_close(network(frames, torch.tensor([5])), before)
        network.lstms[0].weight_ih_l0.mul_(100)
    assert not torch.allclose(network(frames, torch.tensor([5])), before)


@pytest.mark.parametrize("width", [60, 4096, 25_000])
def test_gates_begin_unsaturated_whatever_the_width(width):
    """Columns of unit variance give what enters the gates a deviation of about one, in every network on sequences."""
    rows = torch.randn(64, width)
    found = {"temporal": nn.functional.linear(rows, TemporalLSTM((width,), 7).lstms[0].weight_ih_l0)}
    found["lstm"] = EmotionLSTM(width, 7, hidden=128, cells=128, dropout=0.5, readout="mean").hidden[0](rows)
    for name, entering in found.items():
        assert 0.5 < entering.std().item() < 1.5, name


def test_the_papers_sizes_are_the_defaults():
    with torch.device("meta"):
        network = TemporalLSTM((4096,), 7)
    assert (network.lstms[0].hidden_size, network.dropout.p, network.softmax.in_features) == (128, 0.7, 128)
    assert network.lstms[0].num_layers == 1


def test_dropout_lies_between_the_sum_and_the_softmax():
    network = TemporalLSTM((2,), 3, cells=1000, dropout=0.7).train()
    seen = []
    network.softmax.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    network(torch.randn(1, 4, 2), torch.tensor([4]))
    assert (seen[0] == 0).float().mean().item() == pytest.approx(0.7, abs=3 * math.sqrt(0.7 * 0.3 / 1000))


def test_every_weight_learns():
    network = TemporalLSTM((2, 3), 4, cells=6, dropout=0.0)
    network(torch.randn(3, 5, 5), torch.tensor([5, 2, 1])).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


class Rows(nn.Module):
    """Gives its inputs (B, T, 3) as two layers, one of them a picture of 2 x 1."""

    def layers(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        return [inputs[..., :1], inputs[..., 1:].unsqueeze(-1)]


def test_layer_scales_by_hand():
    clips = [torch.tensor([[[1.0, 0, 7], [3.0, 4, 7]]]), torch.tensor([[[5.0, 2, 7]]])]
    scales = LayerScales.of(Rows(), clips)
    assert scales.widths == (1, 2)
    torch.testing.assert_close(scales.means, torch.tensor([3.0, 2, 7]))
    # variances: 8/3 in the first layer; 8/3 and 0 in the second
    torch.testing.assert_close(scales.deviations, torch.tensor([math.sqrt(8 / 3), math.sqrt(4 / 3)]))


def test_a_layer_in_which_nothing_varies_is_divided_by_one():
    scales = LayerScales.of(Rows(), [torch.full((1, 16, 3), 1e3)])
    torch.testing.assert_close(scales.deviations, torch.ones(2))


@pytest.mark.parametrize("head", [TemporalLSTM((1, 2), 4, cells=6), nn.Linear(3, 4)])
def test_the_head_sees_centred_layers_in_units_of_their_deviation(head):
    scales = LayerScales((1, 2), torch.tensor([1.0, 2, 3]), torch.tensor([2.0, 4.0]))
    network = ClipNetwork(Rows(), head, scales).eval()
    inputs = torch.randn(2, 16, 3) if isinstance(head, TemporalLSTM) else torch.randn(2, 1, 3)
    rows = (inputs - torch.tensor([1.0, 2, 3])) / torch.tensor([2.0, 4.0, 4.0])
    with torch.inference_mode():
        expected = head.eval()(rows, torch.tensor([16, 16])) if isinstance(head, TemporalLSTM) else head(rows[:, 0])
        torch.testing.assert_close(network.judge(network.layers(inputs)), expected)
