"""What every fusion network promises (`pipeline/features/joint/networks/__init__.py`), on toy segments."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from pipeline.core import plugins
from pipeline.core.errors import LeakageError, SettingsError, WeightsError
from pipeline.core.settings import Settings
from pipeline.features.joint.networks import ROW, Segments

NAMES = plugins.names("fusion_networks")
TUNED = {"epochs": 15, "momentum": 0.9, "batch": 20, "patience": None, "seed": 0}
SETTINGS = {
    "concatenate": {},
    "dbn": {
        **TUNED, "layers": [16, 8], "pretrain_epochs": 20, "gaussian_learning_rate": 0.02,
        "pretrain_learning_rate": 0.05,
        "weight_decay": 2e-4, "cd_steps": 1, "reconstruction": "mean", "learning_rate": 0.2,
    },
    "fc": {**TUNED, "layers": [16, 8], "dropout": 0.3, "learning_rate": 0.02},
}  # fmt: skip
"""Settings that suit the toy set; a new plugin gets its line here."""

LEARNING = [name for name in NAMES if name != "concatenate"]
COLUMNS, CLASSES = 12, 3


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def toy(count: int, seed: int, classes: tuple[int, ...] = (0, 1, 2), part: str = "train") -> Segments:
    """Return segments whose class moves two columns, one of either half."""
    rng = np.random.default_rng(seed)
    labels = np.array([classes[i % len(classes)] for i in range(count)], np.int64)
    inputs = rng.standard_normal((count, COLUMNS)).astype(np.float32)
    inputs[np.arange(count), labels] += 3
    inputs[np.arange(count), labels + COLUMNS // 2] += 3
    return Segments(inputs, labels, part)


NOTHING = Segments(np.zeros((0, COLUMNS), np.float32), np.zeros(0, np.int64), "val")


def fitted(name: str, train: Segments, val: Segments, classes: int = CLASSES, **changes):
    plugin = plugins.load("fusion_networks", name)
    return plugin.fit(plugin.Params(**{**SETTINGS[name], **changes}), train, val, classes)


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def learned(name):
    torch.set_num_threads(1)
    return fitted(name, toy(90, 0), toy(30, 1, part="val"))


def same_state(first, second) -> bool:
    one, two = first.state(), second.state()
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_docstring_and_params(name):
    plugin = plugins.load("fusion_networks", name)
    assert plugin.__doc__.startswith(f"{name}: ")
    assert re.search(r"Zhang et al. 2017, section I", plugin.__doc__)
    assert issubclass(plugin.Params, Settings)
    assert plugin.Params.model_config["frozen"]
    with pytest.raises(ValidationError):
        plugin.Params(**SETTINGS[name], nobody_knows=1)


def test_the_feature_has_its_dimension_and_is_finite(name, learned):
    found = learned[0](toy(25, 2).inputs)
    assert found.dtype == np.float32
    assert found.shape == (25, learned[0].dimension)
    assert learned[0].dimension == (COLUMNS if name == "concatenate" else 8)
    assert np.isfinite(found).all()
    assert learned[0](NOTHING.inputs).shape == (0, learned[0].dimension)


def test_the_feature_separates_the_classes(learned):
    train, test = toy(90, 0), toy(60, 2)
    features, centres = learned[0](train.inputs), []
    for label in range(CLASSES):
        centres.append(features[train.labels == label].mean(0))
    distances = np.linalg.norm(learned[0](test.inputs)[:, None] - np.stack(centres), axis=2)
    assert (distances.argmin(1) == test.labels).mean() >= 0.9


@pytest.mark.parametrize("name", LEARNING)
def test_held_out_accuracy_ends_far_above_chance(name):
    history = fitted(name, toy(90, 0), toy(30, 1, part="val"))[1]
    assert history[-1]["phase"] == "tune"
    assert history[-1]["val_accuracy"] >= 0.9


def test_the_history_is_a_table(name, learned):
    rows = learned[1]
    assert bool(rows) == (name != "concatenate")
    for row in rows:
        assert tuple(row)[: len(ROW)] == ROW
        assert math.isfinite(row["loss"])
        assert (row["val_accuracy"] is None) == (row["val_loss"] is None) == (row["phase"] != "tune")
    for phase in {row["phase"] for row in rows}:
        epochs = [row["epoch"] for row in rows if row["phase"] == phase]
        assert epochs == list(range(len(epochs)))


def test_the_same_seed_gives_the_same_bytes_and_leaves_other_draws_alone(name, learned):
    torch.manual_seed(12345)
    expected = torch.rand(3)
    torch.manual_seed(12345)
    joint, history = fitted(name, toy(90, 0), toy(30, 1, part="val"))
    assert torch.equal(torch.rand(3), expected), "the global generator was put back"
    assert same_state(joint, learned[0])
    assert history == learned[1]
    inputs = toy(40, 3).inputs
    assert joint(inputs).tobytes() == learned[0](inputs).tobytes() == learned[0](inputs).tobytes()


@pytest.mark.parametrize("name", LEARNING)
def test_another_seed_gives_other_weights(name):
    first, second = (fitted(name, toy(90, 0), NOTHING, seed=seed, epochs=2)[0] for seed in (0, 1))
    assert not same_state(first, second)


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("patience", [3, None])
def test_the_scaling_is_that_of_the_training_segments(name, patience):
    train, val = toy(90, 0), toy(30, 1, part="val")
    far = dataclasses.replace(val, inputs=50 * val.inputs + 7)
    for part in (val, far):
        state = fitted(name, train, part, patience=patience)[0].state()
        np.testing.assert_allclose(state["mean"], train.inputs.mean(0), atol=1e-6)
        np.testing.assert_allclose(state["scale"], train.inputs.std(0), rtol=1e-6)


def test_without_early_stopping_validation_changes_nothing(name, learned):
    val = toy(30, 1, part="val")
    rng = np.random.default_rng(0)
    for changed in (
        dataclasses.replace(val, labels=rng.permutation(val.labels)),
        dataclasses.replace(val, inputs=-val.inputs),
        NOTHING,
    ):
        assert same_state(fitted(name, toy(90, 0), changed)[0], learned[0])


def test_a_feature_does_not_hang_on_the_other_segments(learned):
    inputs = toy(40, 3).inputs
    together = learned[0](inputs)
    np.testing.assert_allclose(learned[0](inputs[::-1].copy())[::-1], together, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(learned[0](inputs[7:8])[0], together[7], rtol=1e-5, atol=1e-6)


def test_using_the_feature_changes_neither_it_nor_the_inputs(learned):
    inputs = toy(10, 4).inputs
    before, state = inputs.copy(), {key: tensor.clone() for key, tensor in learned[0].state().items()}
    found = learned[0](inputs)
    found += 1
    np.testing.assert_array_equal(inputs, before)
    assert all(torch.equal(learned[0].state()[key], tensor) for key, tensor in state.items())


def test_the_state_can_be_saved_and_holds_all_that_was_learned(name, learned, tmp_path):
    torch.save(learned[0].state(), tmp_path / "state.pt")
    loaded = torch.load(tmp_path / "state.pt", weights_only=True)
    assert loaded.keys() == learned[0].state().keys()
    assert all(tensor.device.type == "cpu" and not tensor.requires_grad for tensor in loaded.values())
    if name in LEARNING:
        scaled = (toy(5, 5).inputs - loaded["mean"].numpy()) / loaded["scale"].numpy()
        network = learned[0].network
        network.load_state_dict({key: loaded[key] for key in network.state_dict()})
        found = network.features(torch.from_numpy(scaled)).detach()
        np.testing.assert_allclose(found, learned[0](toy(5, 5).inputs), atol=1e-6)


@pytest.mark.parametrize("patience", [4, None])
@pytest.mark.parametrize("present", [(0, 2), (1,), (0, 1, 3)])
def test_a_class_that_training_lacks(name, present, patience):
    changes = {"patience": patience} if name in LEARNING else {}
    joint, history = fitted(name, toy(60, 0, present), toy(16, 1, (0, 1, 2, 3), "val"), classes=4, **changes)
    assert np.isfinite(joint(toy(20, 2, (0, 1, 2, 3)).inputs)).all()
    assert all(math.isfinite(row["loss"]) for row in history)


@pytest.mark.parametrize("name", LEARNING)
def test_validation_of_classes_that_training_lacks_counts_as_none(name):
    train = toy(60, 0, (0, 1))
    joint, history = fitted(name, train, toy(10, 1, (2,), "val"), patience=2)
    assert same_state(joint, fitted(name, train, NOTHING, patience=2)[0])
    assert history[-1]["epoch"] == 14, "nothing stops it"
    assert history[-1]["val_accuracy"] is None


@pytest.mark.parametrize("count", [1, 2, 21])
def test_few_segments(name, count):
    joint, _ = fitted(name, toy(count, 0), toy(6, 1, part="val"))
    assert np.isfinite(joint(toy(5, 2).inputs)).all()


def test_a_column_that_never_changes_and_one_that_explodes(name):
    train, test = toy(60, 0), toy(20, 2)
    train.inputs[:, 5] = 7
    joint, _ = fitted(name, train, toy(12, 1, part="val"))
    test.inputs[:, 5] = 1e20
    assert np.isfinite(joint(test.inputs)).all()


@pytest.mark.parametrize("name", LEARNING)
@pytest.mark.parametrize("part", ["val", "test"])
def test_other_segments_than_training_ones_are_not_fitted_on(name, part):
    with pytest.raises(LeakageError, match=f"fitted on {part} clips"):
        fitted(name, toy(20, 0, part=part), NOTHING)


@pytest.mark.parametrize("name", LEARNING)
def test_patience_stops_and_the_best_epoch_is_kept(name):
    noise = np.random.default_rng(3)
    train = toy(60, 0)
    val = dataclasses.replace(toy(40, 1, part="val"), labels=noise.integers(0, 3, 40))  # nothing to be learned
    joint, history = fitted(name, train, val, patience=3, epochs=40)
    tuned = [row for row in history if row["phase"] == "tune"]
    best = max(range(len(tuned)), key=lambda epoch: (tuned[epoch]["val_accuracy"], -tuned[epoch]["val_loss"], -epoch))
    assert len(tuned) == best + 1 + 3 < 40
    # the same training, ended at the best epoch
    again, _ = fitted(name, train, val, patience=None, epochs=best + 1)
    assert same_state(joint, again)


@pytest.mark.parametrize("name", LEARNING)
def test_patience_beyond_all_epochs_keeps_the_best_too(name):
    """One number of epochs more or less does not turn "the best is kept" into "the last is kept"."""
    noise = np.random.default_rng(3)
    val = dataclasses.replace(toy(40, 1, part="val"), labels=noise.integers(0, 3, 40))  # nothing to be learned
    many, few = (fitted(name, toy(60, 0), val, patience=patience, epochs=12)[0] for patience in (12, 11))
    assert same_state(many, few)
    assert not same_state(many, fitted(name, toy(60, 0), val, patience=None, epochs=12)[0])


@pytest.mark.parametrize("name", LEARNING)
def test_a_rate_that_makes_training_diverge_is_named(name):
    plugin = plugins.load("fusion_networks", name)
    with pytest.raises(SettingsError) as caught:
        plugin.fit(plugin.Params(**{**SETTINGS[name], "learning_rate": 1e38}), toy(90, 0), NOTHING, CLASSES)
    assert str(caught.value) == "params.yaml: learning_rate: 1e+38 makes a fusion network's training diverge; lower it"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("name", LEARNING)
def test_a_gpu_that_is_not_there(name):
    plugin = plugins.load("fusion_networks", name)
    with pytest.raises(SettingsError, match=r"^params.yaml: runtime.device: cuda, but PyTorch finds no GPU"):
        plugin.fit(plugin.Params(**SETTINGS[name]), toy(20, 0), NOTHING, CLASSES, "cuda")


def test_what_is_loaded_gives_the_same_bytes(name, learned):
    plugin = plugins.load("fusion_networks", name)
    inputs = toy(20, 4).inputs
    again = plugin.load(plugin.Params(**SETTINGS[name]), learned[0].state(), inputs.shape[1], CLASSES)
    assert again.dimension == learned[0].dimension
    assert again(inputs).tobytes() == learned[0](inputs).tobytes()


@pytest.mark.parametrize("name", LEARNING)
def test_weights_of_other_layers_are_refused(name):
    plugin = plugins.load("fusion_networks", name)
    state = fitted(name, toy(30, 0), NOTHING, epochs=1)[0].state()
    with pytest.raises(WeightsError, match="for other settings"):
        plugin.load(plugin.Params(**{**SETTINGS[name], "layers": (3,)}), state, COLUMNS, CLASSES)
