"""`pipeline.training.learning`: a training that teaches nothing is told from one that does, wherever it runs."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest
import torch
from torch import nn

from pipeline.training.fitting import fit
from pipeline.training.learning import NEAR, learned, prior, said
from pipeline.training.optimiser import weight_groups
from pipeline.training.task import Examples, LoopParams, Run, Task

LOOP = {"epochs": 8, "patience": 8, "batch": 8, "learning_rate": 0.05, "threads": 1, "seed": 0}


def points(seed: int, shuffled: bool = False) -> Examples:
    """Points in seven directions, the class of each; or classes that have nothing to do with them."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(7).repeat(20)
    angles = labels * 2 * math.pi / 7
    inputs = 3 * torch.stack([angles.cos(), angles.sin()], 1) + 0.2 * torch.randn(140, 2, generator=generator)
    return Examples(inputs, labels[torch.randperm(140, generator=generator)] if shuffled else labels)


def trained(shuffled: bool = False, **loop) -> dict:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 7))
    task = Task(
        network, points(0, shuffled), points(1, shuffled), lambda inputs, _: inputs, "pipeline.training.fitting"
    )
    return learned("toy", pd.DataFrame(fit(task, LoopParams(**{**LOOP, **loop}), Run())[1]))[0]


def test_a_network_that_can_learn_learns():
    found = trained()
    assert found["loss"] < 0.5 < NEAR * found["prior_loss"]
    assert found["val_loss"] < found["val_prior_loss"] == pytest.approx(math.log(7), abs=1e-6)
    assert found["val_accuracy"] > 0.9 > found["val_prior_accuracy"] == pytest.approx(1 / 7, abs=1e-6)
    assert found["steps"] > 18
    assert (found["unlearned"], said(found)) == ([], "")


@pytest.mark.parametrize("change", [{"learning_rate": 1e-12}, {"shuffled": True}])
def test_a_network_that_cannot_learn_is_named(change):
    found = trained(**change)
    assert found["loss"] > NEAR * math.log(7)
    assert found["unlearned"] == ["training"]
    words = f"steps its training loss is {found['loss']:.3f}, where the shares of the classes alone give 1.946"
    assert said(found).startswith("toy did not learn: after ")
    assert said(found).endswith(words)


def history(losses: dict[str, list[float]], kept: int = -1, **more) -> pd.DataFrame:
    rows = [
        {"fold": fold, "epoch": n, "loss": loss, "steps": 3 * (n + 1), "kept": 0, "prior_loss": math.log(7), **more}
        for fold, every in losses.items()
        for n, loss in enumerate(every)
    ]
    frame = pd.DataFrame(rows)
    frame.loc[frame.groupby("fold")["epoch"].nth(kept).index, "kept"] = 1
    return frame


def test_the_round_whose_weights_are_kept_counts():
    found = learned("anet", history({"fold-00": [1.9, 1.2], "fold-01": [1.93, 1.0]}, kept=0))[0]
    assert found["unlearned"] == ["fold-00", "fold-01"], "the last epoch learned, and was thrown away"
    assert found["steps"] == 3
    assert learned("anet", history({"fold-00": [1.9, 1.2], "fold-01": [1.93, 1.0]}))[0]["unlearned"] == []


def test_a_validation_loss_well_below_the_shares_shows_that_a_network_learned():
    """The training loss of a first round is a mean from its first step on, and with dropout."""
    early = history({"fold-00": [1.9, 1.2]}, kept=0, val_prior_loss=math.log(7), val_loss=1.0)
    assert learned("anet", early)[0]["unlearned"] == []
    dead = history({"fold-00": [1.9, 1.8]}, kept=0, val_prior_loss=math.log(7), val_loss=1.9)
    assert learned("anet", dead)[0]["unlearned"] == ["fold-00"]


def test_a_fold_that_did_not_learn_is_named_among_others():
    found = learned("vnet", history({"fold-00": [2.0, 1.2], "fold-01": [2.0, 1.945], "fold-02": [2.0, math.nan]}))[0]
    assert found["unlearned"] == ["fold-01", "fold-02"]
    assert said(found).startswith("vnet did not learn in fold-01, fold-02: after 6 steps its training loss is 1.945,")
    broken = learned("vnet", history({"fold-00": [2.0, math.nan]}))[0]
    assert "its training loss is nan" in said(broken)
    json.dumps(broken, allow_nan=False)


def test_of_several_candidates_the_best_on_validation_counts():
    losses = [([1.9, 1.94], 1.9), ([1.5, 1.0], 1.2), ([1.9, 1.95], 1.8)]
    rows = pd.concat([history({"fold-00": every}, val_loss=val) for every, val in losses], ignore_index=True)
    assert learned("lstm", rows)[0]["loss"] == 1.0


@pytest.mark.parametrize("columns", [[], ["fold"], ["fold", "c", "val_accuracy"], ["epoch", "loss"]])
def test_what_is_not_trained_step_by_step_says_nothing(columns):
    assert learned("svm", pd.DataFrame(columns=columns)) == []


def test_shares_of_unequal_classes():
    found = prior([0] * 9 + [1], [0, 0, 1, 2])
    assert found["prior_loss"] == pytest.approx(-0.9 * math.log(0.9) - 0.1 * math.log(0.1), abs=1e-6)
    assert found["val_prior_loss"] == pytest.approx(-(2 * math.log(0.9) + math.log(0.1)) / 3, abs=1e-6), "2 is unknown"
    assert found["val_prior_accuracy"] == 0.5
    balanced = prior([0] * 9 + [1], [], torch.tensor([10 / 18, 5.0]))
    assert balanced == {"prior_loss": pytest.approx(math.log(2), abs=1e-6)}
    assert prior([], []) == {}


def test_a_new_layer_learns_faster_than_the_body():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 4), nn.Linear(4, 7))
    before = [layer.weight.detach().clone() for layer in network]
    task = Task(network, points(0), points(1), lambda inputs, _: inputs, "pipeline.training.fitting", new="1")
    params = LoopParams(**{**LOOP, "epochs": 1, "learning_rate": 1e-9, "optimiser": "sgd", "momentum": 0}, new_rate=1e8)
    fit(task, params, Run())
    moved = [(layer.weight - old).abs().max().item() for layer, old in zip(network, before, strict=True)]
    assert moved[1] > 1e-2
    assert moved[0] < 1e-5
    assert len(weight_groups(network, "1", 1.0)) == len(weight_groups(network, "", 5.0)) == 1
