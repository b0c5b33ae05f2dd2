"""temporal: layers of their own LSTMs, order in time, wide features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import temporal
from pipeline.networks.temporal import TemporalLSTM
from pipeline.training.datasets import Dataset, Scaler


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def ramps(count: int, seed: int, widths: tuple[int, ...] = (), scale: float = 1.0) -> Dataset:
    """Return clips of 8 to 16 frames whose two columns rise, fall or stay; their means say nothing."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    sequences = []
    for label in labels:
        ramp = np.linspace(-1, 1, rng.integers(8, 17)) * (1, -1, 0)[label]
        noise = rng.standard_normal((len(ramp), 2)) / 4
        sequences.append((scale * (ramp[:, None] + noise)).astype(np.float32))
    return Dataset([f"c{i:03d}" for i in range(count)], sequences, labels, "train", widths)


@pytest.mark.parametrize(("widths", "readout"), [((), "last"), ((1, 1), "mean")])
def test_it_tells_the_order_in_time(widths, readout):
    classifier, _ = fitted("temporal", ramps(60, 0, widths), ramps(24, 1, widths), readout=readout, learning_rate=0.05)
    test = ramps(60, 2, widths)
    assert (classifier.predict(test).argmax(axis=1) == test.labels).mean() >= 0.9
    assert classifier.network.widths == (widths or (2,))


def test_pictures_of_one_frame_are_sequences_too():
    train, val, test = (toy(60, seed, shift=4.0) for seed in range(3))
    for data in (train, val, test):
        data.sequences[:] = [sequence[:1] for sequence in data.sequences]
    classifier, _ = fitted("temporal", train, val)
    assert (classifier.predict(test).argmax(axis=1) == test.labels).mean() >= 0.9


def test_the_file_gives_the_same_posteriors(tmp_path):
    train, val, test = (ramps(n, seed, (1, 1)) for seed, n in enumerate((24, 9, 5)))
    classifier, _ = fitted("temporal", train, val, epochs=3)
    classifier.save(tmp_path / "fold-00")
    content = torch.load(tmp_path / "fold-00.pt", weights_only=True)
    params = temporal.Params.model_validate_json(content["params"])
    network = TemporalLSTM((1, 1), 3, params.cells, params.dropout, params.readout)
    network.load_state_dict(content["state"])
    for sequence, expected in zip(test.sequences, classifier.predict(test), strict=True):
        scaled = ((torch.from_numpy(sequence) - content["mean"]) / content["scale"]).clip(-10, 10)
        with torch.inference_mode():
            found = torch.softmax(network.eval()(scaled[None], torch.tensor([len(sequence)])), 1)[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_scaling_is_that_of_all_training_frames():
    train = ramps(30, 0, (1, 1), scale=300.0)
    classifier, _ = fitted("temporal", train, ramps(9, 1, (1, 1)), epochs=1)
    expected = Scaler.of(train, np.concatenate(train.sequences))
    np.testing.assert_allclose(classifier.scaler.mean, expected.mean, rtol=1e-5)
    np.testing.assert_allclose(classifier.scaler.scale, expected.scale, rtol=1e-5)
