"""Posteriors of margins: LIBSVM itself, SciPy and the definitions as references."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_softmax
from sklearn.svm import SVC

from pipeline.classification import svm_probabilities as plugin


def test_coupling_is_libsvms():
    """Its own iteration stops early: where no derivative is above 0.005 / K."""
    rng = np.random.default_rng(0)
    labels = np.arange(80) % 4
    rows = rng.standard_normal((80, 5)) + 1.5 * np.eye(4, 5)[labels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # scikit-learn will have no such option one day
        model = SVC(kernel="linear", probability=True, random_state=0, decision_function_shape="ovo").fit(rows, labels)
        slopes, offsets = model.probA_, model.probB_
    test = rng.standard_normal((50, 5)) * 2
    pairs = expit(-(model.decision_function(test) * slopes + offsets))
    np.testing.assert_allclose(plugin.coupled(pairs, 4), model.predict_proba(test), atol=0.004)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(3, 7))
def test_coupled_posteriors_minimise_what_they_should(seed, classes):
    pairs = np.random.default_rng(seed).uniform(0.02, 0.98, classes * (classes - 1) // 2)
    said = np.zeros((classes, classes))
    for value, (one, other) in zip(pairs, combinations(range(classes), 2), strict=True):
        said[one, other], said[other, one] = value, 1 - value

    def total(p: np.ndarray) -> float:
        return float(sum((said[j, i] * p[i] - said[i, j] * p[j]) ** 2 for i in range(classes) for j in range(classes)))

    found = plugin.coupled(pairs[None], classes)[0]
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()
    rng = np.random.default_rng(seed + 1)
    for _ in range(50):
        other = found + 0.02 * rng.standard_normal(classes)
        assert total(found) <= total(other / other.sum()) + 1e-12


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 3), st.floats(0.01, 100))
def test_a_sigmoid_has_the_least_cross_entropy(seed, shift, scale):
    rng = np.random.default_rng(seed)
    positive = np.arange(30) % 3 == 0
    margins = scale * (rng.standard_normal(30) + shift * positive)
    wanted = np.where(positive, 11 / 12, 1 / 22)

    def loss(at: np.ndarray) -> float:
        z = at[0] * margins / scale + at[1]
        return float((np.logaddexp(0, z) - wanted * z).sum())

    slope, offset = plugin.sigmoid(margins, positive)
    assert loss(np.array([slope * scale, offset])) <= minimize(loss, np.zeros(2)).fun + 1e-5


def test_margins_that_tell_all_apart_give_a_finite_slope_and_those_of_one_class_none():
    slope, _ = plugin.sigmoid(np.array([1.0, 2.0, -1.0, -3.0]), np.array([True, True, False, False]))
    assert 0 < slope < 10
    assert plugin.sigmoid(np.array([1.0, 2.0]), np.array([True, True])) == (1.0, 0.0)
    assert plugin.sigmoid(np.zeros(0), np.zeros(0, bool)) == (1.0, 0.0)


@pytest.mark.parametrize("count", [1, 4, 14])
def test_few_clips_all_right_or_all_wrong_lead_to_no_bound(count):
    """Before, both ended at exp(3) or exp(-3), the bounds of the search."""
    found = np.tile([0.6, 0.3, 0.1], (count, 1))
    sure, lost = (plugin.temperature_of(found, np.full(count, label)) for label in (0, 2))
    assert 0.04 < sure < 1 < lost < 20
    more = np.tile(found, (10, 1))
    assert plugin.temperature_of(more, np.zeros(10 * count, int)) < sure, "more clips say more"
    assert plugin.temperature_of(more, np.full(10 * count, 2)) > lost


def test_no_clip_leaves_posteriors_as_they_are():
    assert plugin.temperature_of(np.zeros((0, 3)), np.zeros(0, int)) == 1.0


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_the_temperature_is_the_best_under_its_prior(seed, count):
    rng = np.random.default_rng(seed)
    found, labels = rng.dirichlet(np.ones(4), count), rng.integers(0, 4, count)

    def loss(t: float) -> float:
        return 1 / t + np.log(t) - log_softmax(np.log(found) / t, axis=1)[np.arange(count), labels].sum()

    best = min(map(loss, np.exp(np.linspace(-6, 6, 1201))))
    assert loss(plugin.temperature_of(found, labels)) <= best + 1e-5


def test_what_is_fitted_has_four_digits():
    rng = np.random.default_rng(0)
    fitted = plugin.sigmoids(rng.standard_normal((40, 3)), np.arange(40) % 3, np.arange(3))
    assert [float(f"{value:.4g}") for value in fitted.ravel()] == fitted.ravel().tolist()
    temperature = plugin.temperature_of(rng.dirichlet(np.ones(3), 9), np.arange(9) % 3)
    assert float(f"{temperature:.4g}") == temperature
