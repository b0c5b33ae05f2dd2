"""Shapes and properties of the networks; their numbers are in tests/golden."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.networks.face_cnn import POOL5, FaceCNN, normalise_faces
from pipeline.networks.lstm import EmotionLSTM
from pipeline.networks.speech_dnn import SpeechDNN


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.mark.parametrize("width", [0.02, 0.1, 0.25])
def test_pool5_has_9216_values_at_every_width(width):
    network = FaceCNN(identities=4, width=width).eval()
    with torch.inference_mode():
        features, logits = network.features(torch.randn(2, 3, 100, 100)), network(torch.randn(2, 3, 100, 100))
    assert features.shape == (2, POOL5) == (2, 6 * 6 * 256)
    assert (features >= 0).all(), "after a ReLU"
    assert logits.shape == (2, 4)


def test_full_width_is_alexnets():
    with torch.device("meta"):
        network = FaceCNN(identities=10, width=1.0)
    convolutions = [m.out_channels for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    linear = [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert convolutions == [64, 192, 384, 256, 256], "five convolutional layers"
    assert linear == [(9216, 4096), (4096, 4096), (4096, 10)], "three fully connected layers"


@pytest.mark.parametrize(("last", "bottleneck"), [(60, True), (1024, False)])
def test_speech_dnn_has_the_papers_layers(last, bottleneck):
    with torch.device("meta"):
        network = SpeechDNN(inputs=429, hidden=1024, last=last, phones=40, bottleneck=bottleneck)
    shapes = [(m.in_features, m.out_features) for m in network.modules() if isinstance(m, torch.nn.Linear)]
    assert shapes == [(429, 1024), *[(1024, 1024)] * 4, (1024, last), (last, 40)]


@pytest.mark.parametrize(("bottleneck", "negative"), [(True, True), (False, False)])
def test_only_the_bottleneck_is_linear(bottleneck, negative):
    network = SpeechDNN(inputs=12, hidden=32, last=16, phones=5, bottleneck=bottleneck).eval()
    with torch.inference_mode():
        features = network.features(torch.randn(50, 12))
        assert bool((features < 0).any()) == negative
        assert torch.equal(network(torch.ones(1, 12)), network.head(network.features(torch.ones(1, 12))))


def test_nothing_but_weights_stands_between_the_bottleneck_and_the_softmax():
    """A linear bottleneck: phone logits are an affine map of its nodes, negative ones included."""
    network = SpeechDNN(inputs=12, hidden=32, last=16, phones=5, bottleneck=True).eval()
    one, other = torch.randn(2, 50, 16)
    with torch.inference_mode():
        together = network.head(one + other) + network.head(torch.zeros(1, 16))
        torch.testing.assert_close(together, network.head(one) + network.head(other))


def test_first_weights_have_he_scale():
    network = SpeechDNN(inputs=400, hidden=300, last=60, phones=40, bottleneck=True)
    for layer in network.modules():
        if isinstance(layer, torch.nn.Linear):
            assert not layer.bias.any()
            assert layer.weight.std().item() == pytest.approx(math.sqrt(2 / layer.in_features), rel=0.05)


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_padding_says_nothing(readout):
    network = EmotionLSTM(inputs=3, classes=4, hidden=5, cells=6, dropout=0.5, readout=readout).eval()
    sequences = [torch.randn(n, 3) for n in (7, 1, 4)]
    padded = torch.full((3, 9, 3), 1e6)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    with torch.inference_mode():
        together = network(padded, torch.tensor([7, 1, 4]))
        alone = torch.cat([network(s[None], torch.tensor([len(s)])) for s in sequences])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_readout_is_the_last_step_or_the_mean_of_all():
    network = EmotionLSTM(inputs=3, classes=4, hidden=5, cells=6, dropout=0.5, readout="last").eval()
    sequence = torch.randn(1, 7, 3)
    with torch.inference_mode():
        outputs = network.lstm(network.hidden(sequence))[0][0]
        torch.testing.assert_close(network(sequence, torch.tensor([7]))[0], network.softmax(outputs[-1]))
        network.readout = "mean"
        torch.testing.assert_close(network(sequence, torch.tensor([7]))[0], network.softmax(outputs.mean(0)))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 3), st.floats(-40, 40))
def test_normalised_faces_have_no_light_and_no_exposure(seed, gain, offset):
    face = torch.from_numpy(np.random.default_rng(seed).uniform(0, 255, (1, 3, 10, 10)))
    plain, changed = normalise_faces(face), normalise_faces(gain * face + offset)
    assert plain.mean().item() == pytest.approx(0, abs=1e-5)
    assert plain.std().item() == pytest.approx(1, abs=0.03)
    torch.testing.assert_close(plain, changed, atol=0.12, rtol=0)


def test_a_face_of_one_colour_does_not_divide_by_zero():
    assert not normalise_faces(torch.full((1, 3, 100, 100), 77, dtype=torch.uint8)).any()
