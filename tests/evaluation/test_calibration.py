"""`pipeline.evaluation.calibration` against scikit-learn and examples by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, log_loss

from pipeline.evaluation.calibration import (
    LEAST,
    TEMPERATURES,
    aurc,
    brier,
    ece,
    fit_temperature,
    nll,
    reliability,
    scaled,
    selective,
)

JUDGED = st.lists(st.tuples(st.integers(0, 20).map(lambda n: n / 20), st.booleans()), min_size=1, max_size=40)
POSTERIORS = arrays(float, (8, 3), elements=st.floats(-6, 6)).map(lambda scores: np.round(softmax(scores, axis=1), 6))
LABELS = arrays(int, 8, elements=st.integers(0, 2))


def columns(judged) -> tuple[np.ndarray, np.ndarray]:
    confidence, right = zip(*judged, strict=True)
    return np.array(confidence), np.array(right)


def example(clips=400, temperature=1.0, seed=0) -> tuple[np.ndarray, np.ndarray]:
    """Posteriors (N, 4) that are right as often as they say, raised to a temperature, and labels drawn from them."""
    rng = np.random.default_rng(seed)
    scores = 2 * rng.normal(size=(clips, 4))
    truth = softmax(scores, axis=1)
    labels = np.array([rng.choice(4, p=row) for row in truth])
    return softmax(temperature * scores, axis=1), labels


def test_calibration_error_of_four_clips_by_hand():
    """Two bins: 0.4 and 0.5 with one right of two, 0.9 and 0.8 with both right: (2 * |0.45 - 0.5| + 2 * |0.85 - 1|) /
    4.
    """
    bins = reliability(np.array([0.4, 0.9, 0.5, 0.8]), np.array([True, True, False, True]), 2)
    assert ece(bins) == pytest.approx(0.1)
    expected = {"low": [0, 0.5], "high": [0.5, 1], "clips": [2, 2], "confidence": [0.45, 0.85], "accuracy": [0.5, 1]}
    pd.testing.assert_frame_equal(bins, pd.DataFrame(expected), check_dtype=False)


def test_a_bin_holds_its_upper_end():
    """Guo et al. 2017: bin m is ((m - 1) / M, m / M]."""
    bins = reliability(np.array([0.25, 0.5, 0.75, 1.0, 0.0]), np.ones(5, bool), 4)
    assert bins["clips"].tolist() == [2, 1, 1, 1]


@settings(deadline=None)
@given(JUDGED, st.integers(1, 20))
def test_reliability_is_scikit_learns_calibration_curve(judged, bins):
    confidence, right = columns(judged)
    table = reliability(confidence, right, bins)
    filled = table[table["clips"] > 0]
    np.testing.assert_allclose(
        [filled["accuracy"], filled["confidence"]], calibration_curve(right, confidence, n_bins=bins)
    )
    assert table["clips"].sum() == len(judged)
    assert table.loc[table["clips"] == 0, ["confidence", "accuracy"]].isna().all(axis=None)


@settings(deadline=None)
@given(JUDGED, st.integers(1, 20), st.randoms())
def test_calibration_error_is_a_share_whatever_the_order(judged, bins, chance):
    found = ece(reliability(*columns(judged), bins))
    assert 0 <= found <= 1
    assert found == pytest.approx(ece(reliability(*columns(chance.sample(judged, len(judged))), bins)))


def test_one_bin_leaves_the_gap_between_all_confidence_and_all_accuracy():
    confidence, right = np.array([0.9, 0.9, 0.6]), np.array([True, False, False])
    assert ece(reliability(confidence, right, 1)) == pytest.approx(0.8 - 1 / 3)


@settings(deadline=None)
@given(POSTERIORS, LABELS)
def test_likelihood_is_scikit_learns(posteriors, labels):
    assert nll(posteriors, labels) == pytest.approx(log_loss(labels, scaled(posteriors), labels=[0, 1, 2]))


@pytest.mark.parametrize(
    ("posteriors", "expected"),
    [([1.0, 0.0, 0.0], 0.0), ([0.0, 1.0, 0.0], 2.0), ([0.5, 0.25, 0.25], 0.375), ([1 / 3, 1 / 3, 1 / 3], 2 / 3)],
)
def test_brier_by_hand(posteriors, expected):
    assert brier(np.array([posteriors]), np.array([0])) == pytest.approx(expected)
    assert brier(np.array([posteriors, [1, 0, 0]]), np.array([0, 0])) == pytest.approx(expected / 2)


@settings(deadline=None)
@given(POSTERIORS, LABELS)
def test_brier_is_the_sum_of_scikit_learns_over_classes(posteriors, labels):
    each = [brier_score_loss(labels == number, posteriors[:, number], pos_label=True) for number in range(3)]
    assert brier(posteriors, labels) == pytest.approx(sum(each))


def test_a_posterior_that_the_table_rounds_to_0_is_no_infinite_surprise():
    assert nll(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(-math.log(LEAST), rel=1e-6)


@settings(deadline=None)
@given(POSTERIORS, st.floats(*TEMPERATURES))
def test_a_temperature_changes_no_decision(posteriors, temperature):
    calm = scaled(posteriors, temperature)
    np.testing.assert_allclose(calm.sum(axis=1), 1)
    top = posteriors.argmax(axis=1)[:, None]
    assert np.all(np.take_along_axis(calm, top, axis=1)[:, 0] >= calm.max(axis=1) * (1 - 1e-9))


@settings(deadline=None)
@given(POSTERIORS)
def test_temperature_1_leaves_all(posteriors):
    np.testing.assert_allclose(scaled(posteriors), posteriors, atol=3e-6)


def test_a_higher_temperature_is_less_sure_and_each_clip_may_have_its_own():
    row = np.array([[0.7, 0.2, 0.1]])
    tops = [scaled(row, temperature).max() for temperature in (0.5, 1, 2, 20)]
    assert tops == sorted(tops, reverse=True)
    together = scaled(np.repeat(row, 2, axis=0), np.array([0.5, 2]))
    np.testing.assert_allclose(together.max(axis=1), [tops[0], tops[2]])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature):
    posteriors, labels = example(4000, temperature)
    assert fit_temperature(posteriors, labels) == pytest.approx(temperature, rel=0.08)
    calm = scaled(posteriors, fit_temperature(posteriors, labels))
    right = posteriors.argmax(axis=1) == labels
    assert ece(reliability(calm.max(axis=1), right, 15)) < 0.05


@settings(deadline=None, max_examples=50)
@given(POSTERIORS, LABELS)
def test_scaling_never_worsens_what_it_was_fitted_on(posteriors, labels):
    temperature = fit_temperature(posteriors, labels)
    assert TEMPERATURES[0] <= temperature <= TEMPERATURES[1]
    assert nll(posteriors, labels, temperature) <= nll(posteriors, labels)
    grid = np.geomspace(*TEMPERATURES, 60)
    assert nll(posteriors, labels, temperature) <= min(nll(posteriors, labels, each) for each in grid) + 1e-4


def test_posteriors_that_no_temperature_changes_keep_theirs():
    assert fit_temperature(np.full((6, 3), 1 / 3), np.array([0, 1, 2, 0, 1, 2])) == 1


def test_where_every_validation_clip_is_right_the_temperature_ends_at_its_bound():
    found = fit_temperature(np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1]))
    assert found == pytest.approx(TEMPERATURES[0], rel=0.01)


def test_selective_accuracy_by_hand():
    curve = selective(np.array([0.5, 0.9, 0.7, 0.9]), np.array([False, True, False, False]))
    # the two at 0.9 together, one right; then 0.7, then 0.5
    assert curve.to_dict("list") == {"coverage": [0.5, 0.75, 1.0], "accuracy": [0.5, pytest.approx(1 / 3), 0.25]}
    assert aurc(curve) == pytest.approx(0.5 * 0.5 + 0.25 * 2 / 3 + 0.25 * 0.75)


def test_area_is_the_mean_error_over_the_most_confident_of_each_number():
    """Without ties, most confident first: right, wrong, right, so errors 0, 1 / 2, 1 / 3."""
    curve = selective(np.array([0.9, 0.8, 0.7]), np.array([True, False, True]))
    assert aurc(curve) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)


@given(JUDGED, st.randoms())
def test_selective_accuracy_ends_at_that_of_all_whatever_the_order(judged, chance):
    curve = selective(*columns(judged))
    assert curve["coverage"].is_monotonic_increasing
    assert curve.iloc[-1].tolist() == pytest.approx([1, columns(judged)[1].mean()])
    assert 0 <= aurc(curve) <= 1
    pd.testing.assert_frame_equal(curve, selective(*columns(chance.sample(judged, len(judged)))))


def test_knowing_which_decisions_are_wrong_makes_the_area_small():
    right = np.array([True] * 6 + [False] * 4)
    knowing, wrongly = np.linspace(1, 0.1, 10), np.linspace(0.1, 1, 10)
    assert aurc(selective(knowing, right)) < aurc(selective(np.full(10, 0.5), right)) < aurc(selective(wrongly, right))


def test_nothing_judged():
    none, posteriors = np.zeros(0), np.zeros((0, 3))
    bins, curve = reliability(none, none.astype(bool), 15), selective(none, none.astype(bool))
    assert (len(bins), bins["clips"].sum(), len(curve)) == (15, 0, 0)
    figures = [ece(bins), aurc(curve), nll(posteriors, none.astype(int)), brier(posteriors, none.astype(int))]
    assert all(map(math.isnan, figures))
    assert scaled(posteriors, none).shape == (0, 3)
