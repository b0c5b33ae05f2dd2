"""CNTK's learning-rate schedule: the rules by hand, the loop against a computation with plain formulae."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from pipeline.core.errors import SettingsError
from pipeline.training.cntk_schedule import AdjustedRate, factor, fit
from pipeline.training.task import Examples, Run

PAPER = AdjustedRate(learning_rate=0.004)


@pytest.mark.parametrize(
    ("previous", "criterion", "expected"),
    [
        (math.inf, 0.7, 1.0),  # epoch 0 has nothing to improve on
        (0.7, 0.69, 1.0),
        (0.7, 0.7, 0.618),  # no improvement: CNTK's test is <=
        (0.7, 0.71, 0.618),
        (0.7, 0.35, 1.0),  # exactly a half is not more than a half
        (0.7, 0.3499, 1.382),
        (0.7, 0.0, 1.382),
        (0.7, math.nan, 0.618),
        (math.inf, math.nan, 0.618),
        (0.7, math.inf, 0.618),
        (0.0, 0.0, 0.618),
    ],
)
def test_the_rules(previous, criterion, expected):
    assert factor(previous, criterion, PAPER) == expected


def test_thresholds_are_shares_of_the_previous_criterion():
    params = AdjustedRate(learning_rate=1, decrease_below=0.1, increase_above=0.2, decrease=0.5, increase=2)
    assert [factor(10, criterion, params) for criterion in (9.5, 9.0, 8.9, 8.1, 7.9)] == [0.5, 0.5, 1, 1, 2]
    assert [factor(1, criterion / 10, params) for criterion in (9.5, 9.0, 8.9, 8.1, 7.9)] == [0.5, 0.5, 1, 1, 2]


def points(seed: int, count: int = 50, noise: float = 1.0) -> Examples:
    """Two classes of points in a plane that overlap."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    rows = rng.normal(0, noise, (count, 2)) + np.stack([labels, -labels], 1)
    return Examples(torch.from_numpy(rows.astype(np.float32)), torch.from_numpy(labels))


def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(2, 2)


def by_hand(learn: Examples, judged: Examples, params: AdjustedRate) -> list[tuple[float, float]]:
    """Return (rate, criterion) per epoch by CNTK's documented formulae, in float64, with numpy alone.

    G(t) = (1 - mu) sum g + mu G(t - n), M(t) = M(t - n) - rate per sample * G(t), mu = 0.9 ^ (n / batch).
    """
    start = layer()
    model = np.hstack([start.weight.detach().numpy(), start.bias.detach().numpy()[:, None]]).astype(np.float64)

    def posteriors(examples):
        x = np.hstack([examples.inputs.numpy().astype(np.float64), np.ones((len(examples.labels), 1))])
        scores = np.exp(x @ model.T)
        return x, scores / scores.sum(1, keepdims=True)

    smoothed, rate, previous = np.zeros_like(model), params.learning_rate, math.inf
    kept, order, rows = (model.copy(), smoothed.copy()), torch.Generator().manual_seed(params.seed), []
    for _ in range(params.epochs):
        for batch in torch.randperm(len(learn.labels), generator=order).split(params.batch):
            part = Examples(learn.inputs[batch], learn.labels[batch])
            x, p = posteriors(part)
            gradient = (p - np.eye(2)[part.labels.numpy()]).T @ x
            mu = params.momentum ** (len(batch) / params.batch)
            smoothed = ((1 - mu) if params.unit_gain else 1) * gradient + mu * smoothed
            model = model - rate / params.batch * smoothed
        criterion = -np.log(posteriors(judged)[1][np.arange(len(judged.labels)), judged.labels.numpy()]).mean()
        rows.append((rate, criterion))
        if criterion > previous:
            model, smoothed = kept[0].copy(), kept[1].copy()
        else:
            kept = (model.copy(), smoothed.copy())
        if criterion >= previous:
            rate *= 0.618
        elif previous - criterion > 0.5 * previous and previous < math.inf:
            rate *= 1.382
        previous = min(previous, criterion)
    return rows


@pytest.mark.parametrize(
    ("rates", "directions"),
    [
        ({"learning_rate": 0.05}, {0}),
        ({"learning_rate": 3.0}, {-1, 0}),
        ({"learning_rate": 0.5, "unit_gain": False}, {-1, 0}),
    ],
)
def test_the_loop_follows_the_formulae(rates, directions):
    params = AdjustedRate(**rates, epochs=12, batch=16)
    history = fit(layer(), points(0), points(1), params, Run())
    expected = by_hand(points(0), points(1), params)
    np.testing.assert_allclose([row["learning_rate"] for row in history], [rate for rate, _ in expected], rtol=1e-12)
    np.testing.assert_allclose([row["held_out_loss"] for row in history], [loss for _, loss in expected], atol=1e-4)
    assert {int(np.sign(b - a)) for (a, _), (b, _) in itertools.pairwise(expected)} == directions


def test_a_large_improvement_increases_the_rate():
    easy = points(0, noise=0.01)
    params = AdjustedRate(learning_rate=2.0, epochs=6, batch=4)
    history = fit(layer(), easy, easy, params, Run())
    losses, rates = ([row[name] for row in history] for name in ("held_out_loss", "learning_rate"))
    assert losses[1] < 0.5 * losses[0]
    assert rates[2] == pytest.approx(1.382 * rates[1])


def test_the_weights_are_those_of_the_best_epoch():
    network, judged = layer(), points(1)
    history = fit(network, points(0), judged, AdjustedRate(learning_rate=20.0, epochs=15, batch=8), Run())
    losses = [row["held_out_loss"] for row in history]
    assert losses[-1] > min(losses), "there is something to choose"
    with torch.inference_mode():
        reached = nn.functional.cross_entropy(network(judged.inputs), judged.labels).item()
    assert reached == pytest.approx(min(losses), abs=1e-5)
    assert not network.training


def test_training_ends_with_the_rate():
    other = points(0)
    wrong = Examples(other.inputs, 1 - other.labels)  # what is learned makes this worse, epoch by epoch
    params = AdjustedRate(learning_rate=1e-3, decrease=0.001, epochs=100, batch=50)
    history = fit(layer(), points(0), wrong, params, Run())
    assert [row["learning_rate"] for row in history] == pytest.approx([1e-3, 1e-3, 1e-6]), "1e-9 / 50 is too small"


def test_weights_that_overflow_are_taken_back():
    network = layer()
    before = network.weight.detach().clone()
    history = fit(network, points(0), points(1), AdjustedRate(learning_rate=1e39, epochs=2, batch=50), Run())
    assert not math.isfinite(history[0]["held_out_loss"])
    assert history[1]["learning_rate"] == pytest.approx(0.618e39)
    assert torch.equal(network.weight, before)


def test_frozen_parameters_stay():
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    network[0].requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    fit(network, points(0), points(1), AdjustedRate(learning_rate=1, epochs=2), Run())
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == {"2.weight", "2.bias"}


def test_no_epochs_change_nothing():
    network = layer()
    assert fit(network, points(0), points(1), AdjustedRate(learning_rate=1, epochs=0), Run()) == []
    assert torch.equal(network.weight, layer().weight)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3), st.integers(1, 60), st.booleans())
def test_a_seed_gives_one_result_and_every_epoch_is_told(seed, batch, unit_gain):
    params = AdjustedRate(learning_rate=0.3, epochs=3, batch=batch, seed=seed, unit_gain=unit_gain)
    told: list[dict[str, float]] = []
    one = fit(layer(), points(0), points(1), params, Run(on_epoch=told.append))
    torch.manual_seed(99)
    assert fit(layer(), points(0), points(1), params, Run()) == one == told


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there():
    with pytest.raises(SettingsError, match=r"runtime\.device: cuda"):
        fit(layer(), points(0), points(1), PAPER, Run(device="cuda"))


@pytest.mark.parametrize(
    "setting",
    [
        {"learning_rate": 0},
        {"batch": 0},
        {"momentum": 1},
        {"decrease": 1},
        {"increase": 0.9},
        {"epochs": -1},
        {"nobody": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(setting):
    with pytest.raises(ValidationError):
        AdjustedRate(**{"learning_rate": 0.004, **setting})


def test_the_defaults_are_the_papers():
    assert PAPER.model_dump() == {
        "epochs": 40, "batch": 64, "learning_rate": 0.004, "momentum": 0.9, "unit_gain": True, "decrease": 0.618,
        "decrease_below": 0.0, "increase": 1.382, "increase_above": 0.5, "seed": 0,
    }  # fmt: skip
