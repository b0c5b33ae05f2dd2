"""transfer: what is taken over, what is trained, rows and clips, classes that training lacks, and weights that do not
suit.
"""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from helpers.classifiers import SETTINGS, fitted, source_weights, toy
from pipeline.classification.classifiers import transfer
from pipeline.core.errors import LeakageError, SettingsError, WeightsError
from pipeline.core.store import FeatureMeta
from pipeline.core.weights_file import load_weights, save_weights
from pipeline.networks.tanh_dnn import TanhDNN
from pipeline.training.datasets import Dataset

LEARNED = ("steps", "kept", "prior_loss", "val_prior_loss", "val_prior_accuracy")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def rows_of(count: int, seed: int, classes: tuple[int, ...] = (0, 1, 2), part: str = "train") -> Dataset:
    """Return clips of one row."""
    data = toy(count, seed, classes)
    return dataclasses.replace(data, sequences=[sequence[:1] for sequence in data.sequences], part=part)


def hidden(classifier: transfer.Classifier) -> dict[str, torch.Tensor]:
    return {f"body.{name}": tensor for name, tensor in classifier.network.body.state_dict().items()}


def test_without_epochs_the_hidden_layers_are_the_gender_dnns():
    state = load_weights(source_weights()).state
    taken, random = (
        fitted("transfer", rows_of(12, 0), rows_of(6, 1), epochs=0, transferred=t)[0] for t in (True, False)
    )
    assert all(torch.equal(tensor, state[name]) for name, tensor in hidden(taken).items())
    assert not any(torch.equal(tensor, state[name]) for name, tensor in hidden(random).items() if "weight" in name)
    assert torch.equal(taken.network.output.weight, random.network.output.weight), "one seed, one softmax layer"


@pytest.mark.parametrize(("frozen", "changed"), [(0, {"0", "1"}), (1, {"1"}), (2, set())])
def test_frozen_layers_stay_and_the_others_are_trained(frozen, changed):
    state = load_weights(source_weights()).state
    classifier, _ = fitted("transfer", rows_of(24, 0), rows_of(9, 1), epochs=2, frozen=frozen)
    different = {
        name.split(".")[1] for name, tensor in hidden(classifier).items() if not torch.equal(tensor, state[name])
    }
    assert different == changed
    before, _ = fitted("transfer", rows_of(24, 0), rows_of(9, 1), epochs=0, frozen=frozen)
    assert not torch.equal(classifier.network.output.weight, before.network.output.weight)


def test_rows_are_normalised_by_the_training_clips():
    train = toy(24, 0)
    classifier, _ = fitted("transfer", train, toy(9, 1), epochs=1)
    rows = np.concatenate(train.sequences)
    np.testing.assert_allclose(classifier.network.mean.numpy(), rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(classifier.network.scale.numpy(), rows.std(0), rtol=1e-5)


def test_nothing_is_fitted_on_other_clips_than_training():
    with pytest.raises(LeakageError):
        fitted("transfer", rows_of(12, 0, part="val"), rows_of(6, 1))


def test_every_row_is_an_example_with_the_label_of_its_clip():
    several = toy(12, 0)
    counts = [len(sequence) for sequence in several.sequences]
    rows = np.concatenate(several.sequences)
    single = Dataset([str(i) for i in range(len(rows))], [row[None] for row in rows], np.repeat(several.labels, counts))
    one, other = (fitted("transfer", data, rows_of(9, 1), epochs=3) for data in (several, single))
    assert one[1] == other[1]
    test = rows_of(6, 2)
    np.testing.assert_array_equal(one[0].predict(test), other[0].predict(test))


def test_posteriors_of_a_clip_are_the_mean_over_its_rows():
    classifier, _ = fitted("transfer", toy(24, 0), toy(9, 1), epochs=3)
    clip = toy(1, 2)
    alone = [dataclasses.replace(clip, sequences=[row[None]]) for row in clip.sequences[0]]
    expected = np.mean([classifier.predict(row)[0] for row in alone], axis=0)
    np.testing.assert_allclose(classifier.predict(clip)[0], expected, atol=1e-6)


def test_the_history_follows_validation():
    _, history = fitted("transfer", rows_of(30, 0), rows_of(12, 1), epochs=4)
    assert [row["epoch"] for row in history] == [0, 1, 2, 3]
    assert set(history[0]) == {"epoch", "learning_rate", "loss", "val_loss", "val_accuracy", *LEARNED}


def test_an_unknown_class_of_validation_does_not_control_the_schedule():
    train, val = rows_of(30, 0, (0, 2)), rows_of(12, 1, (0, 2))
    strange = rows_of(12, 4, (1,))
    both = Dataset(
        val.ids + strange.ids, val.sequences + strange.sequences, np.concatenate([val.labels, strange.labels])
    )
    (one, first), (other, second) = (fitted("transfer", train, data) for data in (val, both))
    assert first == second
    found = other.predict(rows_of(9, 2))
    np.testing.assert_array_equal(one.predict(rows_of(9, 2)), found)
    assert (found[:, 1] == 0).all()


def test_without_a_known_class_in_validation_the_training_rows_control_the_schedule():
    train = rows_of(30, 0, (0, 2))
    histories = [fitted("transfer", train, val)[1] for val in (rows_of(6, 1, (1,)), train)]
    assert histories[0] == histories[1]


def test_the_file_builds_the_network_again(tmp_path):
    classifier, _ = fitted("transfer", rows_of(24, 0, (0, 2)), rows_of(9, 1, (0, 2)), epochs=2)
    classifier.save(tmp_path / "fold-00")
    content = torch.load(tmp_path / "fold-00.pt", weights_only=True)
    assert content["classes"].tolist() == [0, 2]
    assert json.loads(content["params"])["learning_rate"] == SETTINGS["transfer"]["learning_rate"]
    network = TanhDNN(5, 2, hidden=16)
    network.load_state_dict(content["state"])
    test = rows_of(5, 2)
    with torch.inference_mode():
        found = torch.softmax(network(torch.from_numpy(np.concatenate(test.sequences))).double(), 1).numpy()
    np.testing.assert_allclose(classifier.predict(test)[:, [0, 2]], found, atol=1e-6)


def other_weights(folder, **changes):
    loaded = load_weights(source_weights())
    config = {**loaded.config, **changes}
    save_weights(
        folder, loaded.state, {key: value for key, value in config.items() if value is not None}, "made for a test"
    )
    return folder


def params(**changes) -> transfer.Params:
    return transfer.Params(**{**SETTINGS["transfer"], **changes})


def test_no_weights():
    with pytest.raises(WeightsError, match=r"dvc repro pretrain@gender"):
        transfer.Classifier(params(), 3, None)


def test_weights_that_are_not_there(tmp_path):
    with pytest.raises(WeightsError, match="no such weights"):
        transfer.Classifier(params(), 3, tmp_path / "gender")


def test_weights_of_another_network(tmp_path):
    with pytest.raises(WeightsError, match=r"not the weights of a gender DNN; run `dvc repro pretrain@gender`"):
        transfer.Classifier(params(), 3, other_weights(tmp_path / "other", genders=None))
    shape = {"inputs": 5, "classes": 2, "hidden": 17, "layers": 2}
    with pytest.raises(WeightsError, match="for another network"):
        transfer.Classifier(params(), 3, other_weights(tmp_path / "wide", network=shape))


def test_rows_of_another_width():
    data = rows_of(12, 0)
    narrow = dataclasses.replace(data, sequences=[row[:, :4] for row in data.sequences])
    with pytest.raises(WeightsError, match="rows of 4 columns, but the gender DNN takes 5"):
        fitted("transfer", narrow, narrow)


def test_more_frozen_layers_than_there_are():
    with pytest.raises(SettingsError, match=r"train\.transfer\.frozen: 3, but the gender DNN has 2 hidden layers"):
        transfer.Classifier(params(frozen=3), 3, source_weights())


def meta(columns: str = "abcde", normalise: str = "peak") -> FeatureMeta:
    return FeatureMeta(
        feature="egemaps",
        dimension=len(columns),
        dtype="float32",
        rate_hz=0.0,
        columns=tuple(columns),
        params={"normalise": normalise},
    )


def test_features_that_suit_the_weights():
    transfer.check_input(meta(), source_weights())
    with pytest.raises(SettingsError, match="the columns of egemaps are not those of"):
        transfer.check_input(meta("abced"), source_weights())
    with pytest.raises(SettingsError, match=r"extract\.egemaps\.normalise is none, but .* was peak; make both equal"):
        transfer.check_input(meta(normalise="none"), source_weights())


def test_the_defaults_are_the_papers():
    found = transfer.Params().model_dump()
    assert (found["learning_rate"], found["batch"], found["momentum"], found["epochs"]) == (0.002, 64, 0.9, 40)
    assert (found["transferred"], found["frozen"]) == (True, 0)
    with pytest.raises(ValidationError):
        transfer.Params(frozen=-1)
