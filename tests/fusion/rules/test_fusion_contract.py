"""What every fusion rule promises (`pipeline/fusion/rules/__init__.py`)."""

from __future__ import annotations

import json
import re
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.core import plugins
from pipeline.core.settings import Settings

NAMES = plugins.names("fusion")
SETTINGS = {"logistic_regression": {"c": [0.1, 1.0]}}
"""Settings of rules that have no default for all of them; a new rule of that kind gets its line here."""


def load(name):
    plugin = plugins.load("fusion", name)
    return plugin, plugin.Params(**SETTINGS.get(name, {}))


def posteriors(seed: int, modalities: int, clips: int, classes: int, missing: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.full(classes, 0.5), (modalities, clips))
    scores[rng.random((modalities, clips)) < missing] = np.nan
    return scores


@pytest.mark.parametrize("name", NAMES)
def test_docstring_and_params(name):
    plugin, params = load(name)
    assert plugin.__doc__.startswith(f"{name}: ")
    assert re.search(r"\d{4}, (sections?|eq\.) ?\(?[\dIVX]", plugin.__doc__)
    assert issubclass(plugin.Params, Settings)
    assert plugin.Params.model_config["frozen"]
    with pytest.raises(ValidationError):
        plugin.Params(**params.model_dump(), nobody_knows=1)


@pytest.mark.parametrize("name", NAMES)
@settings(deadline=None, max_examples=12)
@given(
    seed=st.integers(0, 2**32 - 1),
    models=st.integers(2, 3),
    clips=st.integers(1, 12),
    classes=st.integers(2, 5),
    missing=st.sampled_from([0.0, 0.4]),
)
def test_rows_sum_to_one_and_what_nobody_saw_stays_nan(name, seed, models, clips, classes, missing):
    plugin, params = load(name)
    val, labels = posteriors(seed, models, 15, classes, missing), np.random.default_rng(seed).integers(0, classes, 15)
    test = posteriors(seed + 1, models, clips, classes, missing)
    state = plugin.fit(params, val, labels)
    again = json.loads(json.dumps(state))
    assert again == state, "plain JSON"
    before = test.copy()
    found = plugin.fuse(test, again)
    np.testing.assert_array_equal(before, test)
    assert found.shape == (clips, classes)
    nowhere = np.isnan(test).any(axis=2).all(axis=0)
    np.testing.assert_array_equal(np.isnan(found).any(axis=1), nowhere)
    assert np.isnan(found[nowhere]).all()
    np.testing.assert_allclose(found[~nowhere].sum(axis=1), 1, atol=1e-9)
    assert (found[~nowhere] >= 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_clip_is_fused_alone(name):
    plugin, params = load(name)
    state = plugin.fit(params, posteriors(0, 2, 30, 3, 0.2), np.arange(30) % 3)
    test = posteriors(1, 2, 8, 3, 0.2)
    together = plugin.fuse(test, state)
    for clip in range(8):
        np.testing.assert_allclose(plugin.fuse(test[:, [clip]], state)[0], together[clip], rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_no_clips(name):
    plugin, params = load(name)
    state = plugin.fit(params, np.zeros((2, 0, 3)), np.zeros(0, int))
    assert plugin.fuse(np.zeros((2, 0, 3)), state).shape == (0, 3)


@pytest.mark.parametrize("name", NAMES)
def test_no_validation_clip_that_all_judged(name):
    plugin, params = load(name)
    val = posteriors(0, 2, 12, 3, 0)
    val[0, ::2] = val[1, 1::2] = np.nan
    state = plugin.fit(params, val, np.arange(12) % 3)
    test = posteriors(1, 2, 5, 3, 0)
    np.testing.assert_allclose(plugin.fuse(test, state).sum(axis=1), 1)


@pytest.mark.parametrize("name", NAMES)
def test_equal_clips_teach_the_same(name):
    plugin, params = load(name)
    val, labels = posteriors(0, 2, 20, 3, 0.2), np.arange(20) % 3
    assert plugin.fit(params, val, labels) == plugin.fit(params, val.copy(), labels.copy())


@pytest.mark.parametrize("name", NAMES)
def test_two_modalities_that_agree_keep_their_decision(name):
    plugin, params = load(name)
    labels = np.arange(60) % 3
    sure = 0.8 * np.eye(3)[labels] + 0.2 / 3
    state = plugin.fit(params, np.stack([sure, sure]), labels)
    np.testing.assert_array_equal(plugin.fuse(np.stack([sure, sure]), state).argmax(axis=1), labels)


SUBSETS = list(chain.from_iterable(combinations(range(4), size) for size in range(1, 5)))


@pytest.mark.parametrize("name", NAMES)
def test_with_any_subset_of_four_models_a_rule_goes_by_what_is_there(name):
    """A model that is absent changes nothing but by its absence: whatever stands in the others decides, as if alone."""
    plugin, params = load(name)
    labels, truth = np.arange(24) % 3, np.eye(3)[np.arange(24) % 3]
    rng = np.random.default_rng(0)
    sure = np.stack([0.6 * truth + 0.4 * rng.dirichlet(np.ones(3), 24) for _ in range(4)])
    state = plugin.fit(params, sure, labels, np.repeat(["a", "b", "c", "d"], 6))
    for subset in SUBSETS:
        given = np.full_like(sure, np.nan)
        given[list(subset)] = sure[list(subset)]
        found = plugin.fuse(given, state)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)
        if name != "weighted":  # whose first best weights may be 0 for some
            assert (found.argmax(axis=1) == labels).mean() > 0.9, subset
