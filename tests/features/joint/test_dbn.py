"""dbn: pre-training layer by layer, its settings, and what it is good for; fc's settings beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipeline.core.errors import SettingsError
from pipeline.core.settings import parse
from pipeline.features.joint.networks import Segments, dbn, fc
from pipeline.networks.rbm import BernoulliRBM, GaussianRBM

DBN = {
    "layers": [20, 10], "pretrain_epochs": 15, "gaussian_learning_rate": 0.005, "pretrain_learning_rate": 0.1,
    "weight_decay": 2e-4, "cd_steps": 1, "reconstruction": "mean", "epochs": 4, "learning_rate": 0.05, "momentum": 0.9,
    "batch": 20, "patience": None, "seed": 0,
}  # fmt: skip
FC = {
    "layers": [20, 10], "dropout": 0.3, "epochs": 4, "learning_rate": 0.01, "momentum": 0.9, "batch": 20,
    "patience": None, "seed": 0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def correlated(rows: int = 200, columns: int = 24, seed: int = 0) -> Segments:
    """Return rows of three hidden causes, of which the first decides the class."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(9).standard_normal((3, columns))
    causes = rng.choice([-1.0, 1.0], (rows, 3))
    inputs = causes @ mixing + 0.3 * rng.standard_normal((rows, columns))
    return Segments(inputs.astype(np.float32), (causes[:, 0] > 0).astype(np.int64))


def scaled() -> torch.Tensor:
    inputs = correlated().inputs
    return torch.from_numpy((inputs - inputs.mean(0)) / inputs.std(0))


def losses(history, phase: str) -> list[float]:
    return [row["loss"] for row in history if row["phase"] == phase]


NOTHING = Segments(np.zeros((0, 24), np.float32), np.zeros(0, np.int64), "val")


@pytest.mark.parametrize("reconstruction", ["mean", "sample"])
@pytest.mark.parametrize("steps", [1, 3])
def test_every_machine_learns_to_reconstruct_the_layer_below(reconstruction, steps):
    params = dbn.Params(**{**DBN, "reconstruction": reconstruction, "cd_steps": steps})
    machines, history = dbn.pretrain(scaled(), params)
    assert [type(machine) for machine in machines] == [GaussianRBM, BernoulliRBM]
    assert [tuple(machine.weights.shape) for machine in machines] == [(20, 24), (10, 20)]
    for phase in ("rbm1", "rbm2"):
        errors = losses(history, phase)
        assert len(errors) == 15
        assert errors[-1] < 0.8 * errors[0]


def test_the_second_machine_learns_the_first_ones_probabilities():
    params = dbn.Params(**{**DBN, "pretrain_epochs": 50})
    machines, _ = dbn.pretrain(scaled(), params)
    with torch.no_grad():
        below = machines[0].hidden_probabilities(scaled())
        means = machines[1].visible_means(machines[1].hidden_probabilities(below))
    assert (means - below).abs().mean() < 0.5 * (below.mean(0) - below).abs().mean()


def test_pretraining_changes_the_start_and_helps_deep_sigmoid_layers():
    layers = {"layers": [20, 15, 10], "epochs": 6}
    with_it = dbn.fit(dbn.Params(**DBN | layers), correlated(), NOTHING, 2)
    without = dbn.fit(dbn.Params(**DBN | layers | {"pretrain_epochs": 0}), correlated(), NOTHING, 2)
    assert not [row for row in without[1] if row["phase"] != "tune"]
    assert not torch.equal(with_it[0].state()["body.0.weight"], without[0].state()["body.0.weight"])
    assert losses(with_it[1], "tune")[-1] < 0.3 < 0.6 < losses(without[1], "tune")[-1]


def test_tuning_starts_from_the_machines():
    params = dbn.Params(**{**DBN, "epochs": 1, "learning_rate": 1e-12})
    joint, _ = dbn.fit(params, correlated(), NOTHING, 2)
    machines, _ = dbn.pretrain(torch.from_numpy(joint.scaler(correlated().inputs)), params)
    for number, machine in enumerate(machines):
        torch.testing.assert_close(
            joint.state()[f"body.{2 * number}.weight"], machine.weights.detach(), rtol=0, atol=1e-9
        )


def test_labels_play_no_part_in_pretraining():
    train = correlated()
    other = Segments(train.inputs, 1 - train.labels)
    first, second = (dbn.fit(dbn.Params(**DBN), part, NOTHING, 2)[1] for part in (train, other))
    assert losses(first, "rbm1") == losses(second, "rbm1")
    assert losses(first, "rbm2") == losses(second, "rbm2")
    assert losses(first, "tune") != losses(second, "tune")


def test_weights_decay():
    norms = []
    for decay in (0.0, 0.2, 2.0):
        machines, _ = dbn.pretrain(scaled(), dbn.Params(**{**DBN, "weight_decay": decay}))
        norms.append([machine.weights.norm().item() for machine in machines])
    assert norms[0] > norms[1] > norms[2], "of the first machine"
    assert norms[2][1] < 0.5 * norms[0][1], "and of the second"


def test_biases_do_not_decay():
    changes = {"weight_decay": 2.0, "layers": [1], "pretrain_epochs": 60}
    machines, _ = dbn.pretrain(torch.full((200, 1), 3.0), dbn.Params(**DBN | changes))
    assert machines[0].visible_bias.item() == pytest.approx(3, abs=0.1), "the whole mean"


def test_each_kind_of_machine_has_its_learning_rate():
    def weights(**changes):
        return [machine.weights.detach() for machine in dbn.pretrain(scaled(), dbn.Params(**DBN | changes))[0]]

    plain, gaussian, binary = weights(), weights(gaussian_learning_rate=0.001), weights(pretrain_learning_rate=0.01)
    assert not torch.equal(plain[0], gaussian[0])
    assert torch.equal(plain[0], binary[0])
    assert not torch.equal(plain[1], binary[1])


def test_a_rate_that_makes_pretraining_diverge_is_named():
    with pytest.raises(SettingsError) as caught:
        dbn.pretrain(scaled(), dbn.Params(**{**DBN, "gaussian_learning_rate": 50}))
    expected = "params.yaml: gaussian_learning_rate: 50.0 makes a fusion network's training diverge; lower it"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("plugin", "good", "changes", "message"),
    [
        (dbn, DBN, {"layers": []}, "layers: Tuple should have at least 1 item after validation, not 0 (got [])"),
        (dbn, DBN, {"layers": [20, 0]}, "layers.1: Input should be greater than or equal to 1 (got 0)"),
        (dbn, DBN, {"momentum": 1}, "momentum: Input should be less than 1 (got 1)"),
        (dbn, DBN, {"cd_steps": 0}, "cd_steps: Input should be greater than or equal to 1 (got 0)"),
        (dbn, DBN, {"weight_decay": -1}, "weight_decay: Input should be greater than or equal to 0 (got -1)"),
        (dbn, DBN, {"reconstruction": "means"}, "reconstruction: Input should be 'mean' or 'sample' (got 'means')"),
        (dbn, DBN, {"gaussian_rate": 1}, "gaussian_rate: no such setting (did you mean 'gaussian_learning_rate'?)"),
        (dbn, DBN, {"gaussian_learning_rate": 0}, "gaussian_learning_rate: Input should be greater than 0 (got 0)"),
        (fc, FC, {"dropout": 1}, "dropout: Input should be less than 1 (got 1)"),
        (fc, FC, {"epochs": 0}, "epochs: Input should be greater than or equal to 1 (got 0)"),
        (fc, FC, {"dropuot": 0.1}, "dropuot: no such setting (did you mean 'dropout'?)"),
        (fc, FC, {"layers": 4096}, "layers: Input should be a valid tuple (got 4096)"),
        (
            fc,
            FC,
            {"learning_rate": "fast"},
            "learning_rate: Input should be a valid number, unable to parse string as a number (got 'fast')",
        ),
    ],
)
def test_a_mistake_in_the_settings_is_one_line(plugin, good, changes, message):
    with pytest.raises(SettingsError) as caught:
        parse(plugin.Params, {**good, **changes}, "params.yaml: fuse.x")
    assert str(caught.value) == f"params.yaml: fuse.x.{message}"


@pytest.mark.parametrize(("plugin", "good"), [(dbn, DBN), (fc, FC)])
def test_every_setting_is_asked_for(plugin, good):
    for name in good:
        with pytest.raises(SettingsError, match=rf"^params.yaml: fuse.x.{name}: this setting is missing$"):
            parse(plugin.Params, {key: value for key, value in good.items() if key != name}, "params.yaml: fuse.x")


def test_dropout_is_a_setting_of_step_two():
    """It lies before the softmax layer, so that the machines are those without it."""
    train, states = correlated(), []
    for dropout in (0.0, 0.5):
        joint, history = dbn.fit(dbn.Params(**{**DBN, "dropout": dropout}), train, NOTHING, 2)
        assert joint.network.head[0].p == dropout
        states.append((losses(history, "rbm2"), losses(history, "tune")))
    assert states[0][0] == states[1][0]
    assert states[0][1] != states[1][1]
