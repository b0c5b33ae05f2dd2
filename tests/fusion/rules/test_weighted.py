"""Fusion by weighted sums: state, posteriors that keep the decision of the search, and missing models."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.fusion.rules import weighted

STATE = {"weights": [[1.0, 0.5], [0.5, 0.0]]}


def case(seed, models=2, clips=20, classes=3, missing=0.2):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.dirichlet(np.full(classes, 0.5), (models, clips)), 6)
    scores[rng.random((models, clips)) < missing] = np.nan
    return scores, rng.integers(0, classes, clips)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0.2, 0.8], [0.6, 0.4], [5 / 9, 4 / 9]),
        ([0.1, 0.9], [np.nan, np.nan], [0.1 / 0.55, 0.45 / 0.55]),
        ([np.nan, np.nan], [0.0, 1.0], [0.5, 0.5]),  # the judging model weighs nothing: all classes alike
        ([np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan]),
    ],
)
def test_posteriors_by_hand(first, second, expected):
    np.testing.assert_allclose(weighted.fuse(np.array([[first], [second]]), STATE), [expected], rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_fused_validation_clips_are_right_as_often_as_the_state_says(seed):
    scores, labels = case(seed)
    state = weighted.fit(weighted.Params(), scores, labels)
    fused = weighted.fuse(scores, state)
    known = ~np.isnan(fused).any(axis=1)
    assert (fused[known].argmax(axis=1) == labels[known]).sum() == state["right"]
    assert state["clips"] == 20
    assert state["exact"]
    assert state["gap"] == state["bound"] - state["right"] == 0


def test_it_is_right_at_least_as_often_as_the_mean_and_as_each_model_alone():
    scores, labels = case(3, clips=60, missing=0)
    right = weighted.fit(weighted.Params(), scores, labels)["right"]
    assert right >= (scores.mean(axis=0).argmax(axis=1) == labels).sum()
    assert right >= max((model.argmax(axis=1) == labels).sum() for model in scores)


def test_a_limit_is_told_in_the_state():
    scores, labels = case(0, models=3, clips=60, classes=5, missing=0)
    state = weighted.fit(weighted.Params(node_limit=1), scores, labels)
    assert not state["exact"]
    assert state["gap"] > 0
    assert weighted.fit(weighted.Params(candidates=(1.0,)), scores, labels)["weights"] == [[1.0] * 5] * 3


@pytest.mark.parametrize("wrong", [{"candidates": []}, {"candidates": [-1]}, {"candidates": [1.5]}, {"node_limit": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        weighted.Params(**wrong)
