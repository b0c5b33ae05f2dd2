"""lstm: training, best epoch, weight decay, file."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import _sequences, lstm
from pipeline.core import plugins
from pipeline.networks.lstm import EmotionLSTM
from pipeline.networks.temporal import TemporalLSTM
from pipeline.training.batches import class_weights
from pipeline.training.datasets import Dataset


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.mark.parametrize("readout", ["last", "mean"])
def test_either_readout_learns(readout):
    classifier, _ = fitted("lstm", toy(60, 0), toy(24, 1), readout=readout)
    test = toy(60, 2)
    assert (classifier.predict(test).argmax(axis=1) == test.labels).mean() >= 0.85


def test_the_epoch_with_the_lowest_validation_loss_is_kept():
    val = toy(24, 1, shift=0.3)
    classifier, history = fitted("lstm", toy(24, 0, shift=0.3), val, epochs=25, patience=25, dropout=0.0)
    losses = [row["val_loss"] for row in history]
    assert losses[-1] > min(losses), "it overfits, so that there is something to choose"
    chosen = classifier.predict(val)[np.arange(len(val)), val.labels]
    assert -np.log(chosen).mean() == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize("patience", [1, 3])
def test_patience(patience):
    history = fitted("lstm", toy(24, 0, shift=0.0), toy(24, 1, shift=0.0), epochs=40, patience=patience)[1]
    losses = [row["val_loss"] for row in history]
    assert len(history) == int(np.argmin(losses)) + 1 + patience or len(history) == 40


def test_another_seed_gives_other_posteriors():
    one, two = (fitted("lstm", toy(24, 0), toy(9, 1), epochs=2, seed=seed)[0].predict(toy(6, 2)) for seed in (0, 1))
    assert not np.array_equal(one, two)


def test_weight_decay_lies_on_the_softmax_alone(monkeypatch):
    seen = []
    adam = _sequences.Adam

    def spy(groups, **options):
        seen.append((groups, options))
        return adam(groups, **options)

    monkeypatch.setattr(_sequences, "Adam", spy)
    classifier, _ = fitted("lstm", toy(24, 0), toy(9, 1), epochs=1, weight_decay=1e-4)
    (body, softmax), options = seen[0]
    assert body.get("weight_decay", 0) == 0
    assert "weight_decay" not in options
    assert softmax["weight_decay"] == 1e-4
    assert {id(w) for w in softmax["params"]} == {id(w) for w in classifier.network.softmax.parameters()}
    assert len(body["params"]) + 2 == len(list(classifier.network.parameters()))


def test_the_file_gives_the_same_posteriors(tmp_path):
    classifier, _ = fitted("lstm", toy(24, 0), toy(9, 1), epochs=3)
    classifier.save(tmp_path / "fold-00")
    content = torch.load(tmp_path / "fold-00.pt", weights_only=True)
    params = lstm.Params.model_validate_json(content["params"])
    network = EmotionLSTM(5, 3, params.hidden, params.cells, params.dropout, params.readout)
    network.load_state_dict(content["state"])
    test = toy(5, 2)
    for sequence, expected in zip(test.sequences, classifier.predict(test), strict=True):
        scaled = ((torch.from_numpy(sequence) - content["mean"]) / content["scale"]).clip(-10, 10)
        with torch.inference_mode():
            found = torch.softmax(network.eval()(scaled[None], torch.tensor([len(sequence)])), 1)[0]
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [([0, 0, 0, 1], [4 / 6, 2.0, 0.0]), ([0, 1, 2], [1.0, 1.0, 1.0]), ([2, 2], [0.0, 0.0, 1.0])],
)
def test_class_weights(labels, expected):
    np.testing.assert_allclose(class_weights(torch.tensor(labels), 3), expected, rtol=1e-6)


def test_balancing_finds_the_rare_class():
    """Ten times fewer clips of one class, no information in the feature: only weights keep it from being ignored."""
    train = toy(66, 0, shift=0.0)
    rare = np.array([0] * 60 + [1] * 6)
    train = type(train)(train.ids, train.sequences, rare)
    val = type(train)(train.ids[:22], train.sequences[:22], np.array([0] * 20 + [1] * 2))
    plain, balanced = (
        fitted("lstm", train, val, epochs=3, balanced=b)[0].predict(toy(40, 3, shift=0.0))[:, 1].mean()
        for b in (False, True)
    )
    assert balanced > 2 * plain


@pytest.mark.parametrize("name", ["lstm", "temporal"])
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_batches_change_no_posterior(name, readout):
    """To the last bit on a CPU with oneDNN, whatever the lengths and the size of the batches."""
    widths, changes = (5,), {"readout": readout, "epochs": 1, "cells": 12}
    classifier = fitted(name, toy(24, 0), toy(9, 1), **changes)[0]

    @settings(max_examples=30, deadline=None)
    @given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.integers(1, 24), st.integers(0, 2**16))
    def check(lengths, batch, seed):
        rng = np.random.default_rng(seed)
        clips = [rng.standard_normal((length, sum(widths))).astype(np.float32) for length in lengths]
        labels = np.zeros(len(clips), np.int64)
        classifier.params = classifier.params.model_copy(update={"batch": batch})
        together = classifier.predict(Dataset([str(i) for i in range(len(clips))], clips, labels))
        alone = [classifier.predict(Dataset(["x"], [clip], labels[:1]))[0] for clip in clips]
        if torch.backends.mkldnn.is_available():
            np.testing.assert_array_equal(together, alone)
        np.testing.assert_allclose(together, alone, atol=1e-6)

    check()


@pytest.mark.parametrize(("columns", "cells"), [(7, 32), (32, 32), (128, 128)])
@pytest.mark.parametrize("readout", ["last", "mean"])
def test_evaluation_reads_what_training_reads(columns, cells, readout):
    """Without dropout, sequences packed as in training give what each gives alone in evaluation."""
    torch.manual_seed(0)
    lengths = torch.tensor([9, 1, 4, 30])
    for network in (
        EmotionLSTM(columns, 3, cells, cells, 0.0, readout),
        TemporalLSTM((columns, 2), 3, cells, 0.0, readout),
    ):
        width = columns + 2 * isinstance(network, TemporalLSTM)
        sequences = torch.randn(4, 30, width)
        with torch.inference_mode():
            packed, each = (network.train(mode)(sequences, lengths) for mode in (True, False))
        torch.testing.assert_close(packed, each, atol=1e-6, rtol=0)


def test_posteriors_of_validation_clips_come_from_the_epoch_that_the_other_speakers_choose(monkeypatch):
    """Each of three speakers is judged by the epoch with the lowest loss of the other two, never by its own."""
    train, val = toy(24, 0, shift=0.5), toy(36, 1, shift=0.5)
    speakers = np.array([f"s{i // 3 % 3}" for i in range(36)])
    labels = np.where(speakers == "s2", (val.labels + 1) % 3, val.labels)  # one whom training makes ever worse
    val = dataclasses.replace(val, speakers=speakers.tolist(), labels=labels)
    told = []
    plugin = plugins.load("classifiers", "lstm").Classifier
    original = plugin.predict
    monkeypatch.setattr(plugin, "predict", lambda self, data: told.append(original(self, data)) or told[-1])
    classifier, history = fitted("lstm", train, val, epochs=25, patience=25, dropout=0.0, learning_rate=0.05)
    assert len(told) == len(history) == 25
    chosen = []
    for name in np.unique(speakers):
        held = speakers == name
        losses = [-np.log(one[~held, val.labels[~held]]).mean() for one in told]
        chosen.append(int(np.argmin(losses)))
        np.testing.assert_array_equal(classifier.validated[0][held], told[chosen[-1]][held])
    assert len(set(chosen)) > 1, "they do differ here"
