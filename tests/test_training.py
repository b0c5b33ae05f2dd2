"""`pipeline.training`: the loop of the source tasks."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from pipeline.training import Examples, LoopParams, accuracy, fit

LOOP = {"epochs": 6, "patience": 6, "batch": 16, "learning_rate": 0.05, "threads": 1, "seed": 0}


def same(inputs: torch.Tensor, _: bool) -> torch.Tensor:
    return inputs


def points(seed: int = 0, count: int = 120, flip: bool = False) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 2, generator=generator)
    labels = (inputs[:, 0] > 0).long()
    return Examples(inputs, 1 - labels if flip else labels)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(2, 2)


def test_it_learns():
    learner = network()
    _, history = fit(learner, points(), points(1), LoopParams(**LOOP), same)
    assert accuracy(learner, points(2), 16, same) > 0.9
    assert history[-1]["loss"] < history[0]["loss"]
    assert [row["epoch"] for row in history] == list(range(len(history)))
    assert set(history[0]) == {"epoch", "loss", "held_out_accuracy"}


def test_the_best_epochs_weights_are_kept():
    """Held-out labels are turned round, so every epoch makes it worse: the first one is the best."""
    learner, held = network(), points(1, flip=True)
    state, history = fit(learner, points(), held, LoopParams(**{**LOOP, "learning_rate": 0.01}), same)
    reached = [row["held_out_accuracy"] for row in history]
    assert reached[-1] < max(reached)
    assert accuracy(learner, held, 16, same) == pytest.approx(max(reached), abs=1e-6)
    assert all(torch.equal(state[name], tensor) for name, tensor in learner.state_dict().items())


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_it_stops_after_so_many_epochs_without_a_better_one(patience):
    params = LoopParams(**{**LOOP, "epochs": 20, "learning_rate": 1e-12, "patience": patience})
    _, history = fit(network(), points(), points(1), params, same)
    assert len(history) == 1 + patience


def test_the_same_seed_gives_the_same_weights_and_another_order_others():
    states = [fit(network(), points(), points(1), LoopParams(**{**LOOP, "seed": seed}), same)[0] for seed in (0, 0, 1)]
    assert torch.equal(states[0]["weight"], states[1]["weight"])
    assert not torch.equal(states[0]["weight"], states[2]["weight"])


def test_prepare_knows_whether_it_is_for_training():
    seen = []

    def prepare(inputs: torch.Tensor, training: bool) -> torch.Tensor:
        seen.append((training, len(inputs)))
        return inputs

    fit(network(), points(count=40), points(1, count=20), LoopParams(**{**LOOP, "epochs": 1}), prepare)
    assert seen == [(True, 16), (True, 16), (True, 8), (False, 16), (False, 4)]


def test_a_last_batch_of_one_is_passed_over():
    """Batch normalisation cannot train on a single example."""
    learner = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))
    _, history = fit(learner, points(count=17), points(1), LoopParams(**{**LOOP, "epochs": 1}), same)
    assert history[0]["loss"] > 0


def test_accuracy_counts_and_leaves_evaluation_mode_on():
    learner = nn.Linear(2, 2)
    with torch.no_grad():
        learner.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        learner.bias.zero_()
    examples = Examples(torch.tensor([[1.0, 0.0], [-1.0, 0.0], [2.0, 0.0]]), torch.tensor([1, 0, 0]))
    assert accuracy(learner.train(), examples, 2, same) == pytest.approx(2 / 3)
    assert not learner.training


@pytest.mark.parametrize(("key", "value"), [("epochs", 0), ("patience", 0), ("batch", 0), ("learning_rate", 0), ("threads", 0), ("seed", -1)])
def test_settings_that_make_no_sense(key, value):
    with pytest.raises(ValidationError):
        LoopParams(**{**LOOP, key: value})
