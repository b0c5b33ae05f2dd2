"""`fine_tuned`: the last layers of an encoder, trained on the rows of the layers below them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.classifiers import SETTINGS, encoder_weights, fitted, source_weights, toy
from pipeline.classification.classifiers import fine_tuned
from pipeline.core.errors import SettingsError, WeightsError
from pipeline.core.feature_records import FeatureMeta
from pipeline.core.weights_file import load_state, load_weights
from pipeline.networks.whisper_encoder import WhisperEncoder


def params(**changes: object) -> fine_tuned.Params:
    return fine_tuned.Params(**{**SETTINGS["fine_tuned"], **changes})


def encoder(layers: int) -> WhisperEncoder:
    loaded = load_weights(encoder_weights(layers))
    return load_state(WhisperEncoder(**loaded.config["network"]), loaded, Path()).eval()


@torch.inference_mode()
def test_the_top_on_rows_of_a_block_is_the_rest_of_the_encoder() -> None:
    torch.manual_seed(0)
    whole = WhisperEncoder(bands=80, width=8, layers=3, heads=2, positions=16).eval()
    rows = whole(mel := torch.randn(1, 80, 22))
    whole.stop = 1
    torch.testing.assert_close(whole.top(1)(whole(mel)[0]), rows[0])


def test_only_the_last_layers_learn_each_slower_than_the_one_above() -> None:
    model = fine_tuned.Classifier(params(trained_layers=2, layer_decay=0.5), 3, encoder_weights(3))
    train = toy(24, 0)
    model.fit(train, toy(12, 1))
    begun, after = model.source.state_dict(), model.network.top.state_dict()
    assert len(model.network.top.layers) == 2
    assert all(not torch.equal(begun[name], after[name]) for name in begun if "dense1.weight" in name)
    assert [group["factor"] for group in model._groups()] == [10.0, 1.0, 0.5]
    named = {id(weight) for group in model._groups() for weight in group["params"]}
    assert named == {id(weight) for weight in model.network.parameters()}


def test_it_begins_with_the_encoder_and_its_functionals_at_unit_variance() -> None:
    model = fine_tuned.Classifier(params(), 3, source_weights("fine_tuned"))
    train = toy(60, 0)
    model._measure(train)
    network = model.new_network((5,)).eval()
    network.softmax = torch.nn.Identity()
    with torch.inference_mode():
        rows = torch.stack([network(model._placed(one)) for one in train.sequences])
    torch.testing.assert_close(rows.mean(dim=0), torch.zeros(10), atol=1e-4, rtol=0)
    torch.testing.assert_close(rows.std(dim=0, correction=0), torch.ones(10), atol=1e-2, rtol=0)


def test_a_clip_of_more_than_a_window_is_taken_in_pieces() -> None:
    top = encoder(2).top(1)
    rows = torch.randn(40, 5)
    with torch.inference_mode():
        found = top(rows)
        torch.testing.assert_close(found[:16], top(rows[:16]))
        torch.testing.assert_close(found[32:], top(rows[32:]))


def test_what_is_fine_tuned_fits_better_than_a_softmax_layer_alone() -> None:
    train, val = toy(30, 0, shift=0.7), toy(12, 1, shift=0.7)
    losses = []
    for rate in (1e-9, 0.005):  # the softmax layer learns as fast in both
        _, history = fitted("fine_tuned", train, val, learning_rate=rate, new_rate=0.01 / rate)
        losses.append(min(row["loss"] for row in history))
    assert losses[1] < losses[0]


META = FeatureMeta("whisper", 5, "float32", layer="encoder block 1 of 2 (5)", params={"layer": 1})


@pytest.mark.parametrize(
    ("changes", "layers", "told"),
    [
        (
            {"params": {"layer": "last"}},
            1,
            "trained_layers is 1 of 2, but whisper has rows of layer last; make the sum 2",
        ),
        ({}, 2, "trained_layers is 2 of 2, but whisper has rows of layer 1"),
        ({"weights": "00" * 32}, 1, "whisper was not made by the encoder of"),
    ],
)
def test_rows_of_another_layer_or_network(changes: dict, layers: int, told: str) -> None:
    folder = source_weights("fine_tuned")
    meta = replace(META, weights=load_weights(folder).sha256)
    checked(meta, folder, params())
    with pytest.raises(SettingsError, match=told):
        checked(replace(meta, **changes), folder, params(trained_layers=layers))


def checked(meta: FeatureMeta, folder: Path, settings: fine_tuned.Params) -> None:
    fine_tuned.check_input(meta, folder)
    fine_tuned.check_layer(meta, folder, settings)


def test_weights_of_no_encoder() -> None:
    with pytest.raises(WeightsError, match="not the weights of an audio encoder"):
        fine_tuned.Classifier(params(), 3, source_weights())
    with pytest.raises(WeightsError, match="needs the encoder"):
        fine_tuned.Classifier(params(), 3, None)


def test_the_file_gives_the_same_posteriors(tmp_path: Path) -> None:
    model, _ = fitted("fine_tuned", toy(24, 0), toy(12, 1), epochs=2)
    model.save(tmp_path / "fold-00")
    again = fine_tuned.Classifier(params(epochs=2), 3, source_weights("fine_tuned"))
    again.load(tmp_path / "fold-00")
    np.testing.assert_array_equal(again.predict(toy(6, 3)), model.predict(toy(6, 3)))
