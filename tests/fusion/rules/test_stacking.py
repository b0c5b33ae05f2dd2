"""stacking: the product until unknown speakers justify more; with any number of models, whichever judged a clip."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.special import softmax

from pipeline.fusion.rules import product
from pipeline.fusion.rules.stacking import Params, fit, fuse

SPEAKERS = np.repeat(["a", "b", "c", "d"], 15)
LABELS = np.tile(np.arange(3), 20)


def posteriors(strengths, seed=0, labels=LABELS):
    rng = np.random.default_rng(seed)
    said = [s * np.eye(3)[labels] + rng.normal(size=(len(labels), 3)) for s in strengths]
    return softmax(np.array(said), axis=2)


def accuracy(rows, labels=LABELS):
    return (rows.argmax(axis=1) == labels).mean()


@pytest.mark.parametrize("weights", ["nonnegative", "free"])
def test_models_that_are_equally_good_stay_the_product(weights):
    scores, test = posteriors([1.0] * 6), posteriors([1.0] * 6, seed=1)
    state = fit(Params(weights=weights), scores, LABELS, SPEAKERS)
    assert state["ridge"] is None
    np.testing.assert_array_equal(fuse(test, state).argmax(1), product.fuse(test, {}).argmax(1))


def test_a_model_that_misleads_loses_its_weight():
    strengths = [2.0, 1.5, -2.5, 0.0]
    scores, test = posteriors(strengths), posteriors(strengths, seed=1)
    state = fit(Params(), scores, LABELS, SPEAKERS)
    assert state["ridge"] is not None
    assert state["weights"][2] < 0.1 * state["weights"][0]
    assert min(state["weights"]) >= 0
    assert accuracy(fuse(test, state)) > accuracy(product.fuse(test, {})) + 0.1


def test_free_weights_turn_round_what_misleads():
    scores, test = posteriors([-2.5, 0.0]), posteriors([-2.5, 0.0], seed=1)
    free = fit(Params(weights="free"), scores, LABELS, SPEAKERS)
    assert np.shape(free["weights"]) == (2, 3, 3)
    assert accuracy(fuse(test, free)) > 0.6 > accuracy(fuse(test, fit(Params(), scores, LABELS, SPEAKERS)))


def test_a_single_speaker_teaches_no_weights():
    """What clips of one person prefer says nothing of the next; on real clips it cost nine points against product."""
    scores = posteriors([2.0, 1.5, -2.5, 0.0])
    state = fit(Params(), scores, LABELS, np.full(60, "a"))
    assert (state["ridge"], state["held_out"], len(set(state["weights"]))) == (None, {}, 1)


def test_what_helps_one_speaker_and_harms_the_other_is_not_learned():
    """A model that is right for one speaker and misleads for the others."""
    mixed = posteriors([1.5, 1.0, 0.0])
    rng = np.random.default_rng(5)
    sign = np.where(SPEAKERS == "a", 3.0, -0.5)[:, None]
    mixed[2] = softmax(sign * np.eye(3)[LABELS] + rng.normal(size=(60, 3)), axis=1)
    one = fit(Params(ridge=(0.1,)), mixed, LABELS, ())
    many = fit(Params(ridge=(0.1,)), mixed, LABELS, SPEAKERS)
    assert set(many["held_out"]) == {"product", "0.1"}
    assert many["ridge"] is None or many["weights"][2] < one["weights"][0]


@pytest.mark.parametrize("weights", ["nonnegative", "free"])
def test_every_subset_of_the_models(weights):
    scores, test = posteriors([2.0, 1.5, 1.0]), posteriors([2.0, 1.5, 1.0], seed=1)
    state = fit(Params(weights=weights), scores, LABELS, SPEAKERS)
    for size in (1, 2):
        for lost in combinations(range(3), size):
            given = test.copy()
            given[list(lost)] = np.nan
            equal = test.copy()
            equal[list(lost)] = 1 / 3
            np.testing.assert_allclose(fuse(given, state), fuse(equal, state), atol=1e-5)
            assert accuracy(fuse(given, state)) > 0.5


def test_where_the_rest_weighs_nothing_it_is_the_plain_product():
    state = {"weights": [0.0, 0.0, 2.0], "bias": [0.0] * 3}
    test = posteriors([2.0, 1.5, 1.0], seed=1)
    test[2] = np.nan
    np.testing.assert_allclose(fuse(test, state), product.fuse(test, {}), atol=1e-5)
