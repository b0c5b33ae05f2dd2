"""`pipeline.evaluation` against scikit-learn and SciPy."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from sklearn import metrics

from pipeline.evaluation import ReportParams, confusion, interval, micro_f1, per_class, score, uar

CLASSES = ["anger", "fear", "sad", "neutral"]
DECISIONS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=60)


@settings(deadline=None)
@given(DECISIONS)
@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_figures_are_scikit_learns(decisions):
    truth, predicted = (list(column) for column in zip(*decisions, strict=True))
    counts = confusion(truth, predicted, CLASSES)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(truth, predicted, labels=CLASSES))
    assert uar(counts) == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert micro_f1(counts) == pytest.approx(metrics.f1_score(truth, predicted, average="micro"))
    found = score(pd.DataFrame({"emotion": truth, "predicted": predicted}), CLASSES, len(truth))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.accuracy == pytest.approx(found.micro_f1), "one label per clip"
    assert found.low <= found.accuracy <= found.high
    assert (found.n, found.coverage) == (len(truth), 1)


@pytest.mark.parametrize(
    ("counts", "expected_uar", "expected_f1"),
    [
        ([[4, 0], [0, 4]], 1.0, 1.0),
        ([[0, 4], [4, 0]], 0.0, 0.0),
        ([[8, 0], [2, 0]], 0.5, 0.8),
        ([[3, 1], [0, 0]], 0.75, 0.75),
        ([[0, 0], [0, 0]], math.nan, math.nan),
    ],
)
def test_by_hand(counts, expected_uar, expected_f1):
    assert uar(np.array(counts)) == pytest.approx(expected_uar, nan_ok=True)
    assert micro_f1(np.array(counts)) == pytest.approx(expected_f1, nan_ok=True)


@settings(deadline=None)
@given(DECISIONS)
def test_figures_by_emotion_are_scikit_learns(decisions):
    truth, predicted = (list(column) for column in zip(*decisions, strict=True))
    found = per_class(confusion(truth, predicted, CLASSES), CLASSES)
    their = metrics.precision_recall_fscore_support(truth, predicted, labels=CLASSES, zero_division=np.nan)
    own = [[getattr(found[name], key) for name in CLASSES] for key in ("precision", "recall", "f_score", "clips")]
    np.testing.assert_allclose(own, their)


NAN = math.nan


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        # 3 of 4 decisions for a are right, and 3 of its 6 clips; F = 2 * 0.75 * 0.5 / 1.25
        ([[3, 3], [1, 5]], {"a": (0.75, 0.5, 0.6, 3, 6, 4), "b": (0.625, 5 / 6, 5 / 7, 5, 6, 8)}),
        # nobody was taken for b: a precision of nothing, but all its clips were missed
        ([[2, 0], [2, 0]], {"a": (0.5, 1.0, 2 / 3, 2, 2, 4), "b": (NAN, 0.0, 0.0, 0, 2, 0)}),
        # no clip of b, and one taken for it
        ([[1, 1], [0, 0]], {"a": (1.0, 0.5, 2 / 3, 1, 2, 1), "b": (0.0, NAN, 0.0, 0, 0, 1)}),
        # neither a clip of b nor a decision for it
        ([[2, 0], [0, 0]], {"a": (1.0, 1.0, 1.0, 2, 2, 2), "b": (NAN, NAN, NAN, 0, 0, 0)}),
    ],
)
def test_figures_by_emotion_by_hand(counts, expected):
    found = per_class(np.array(counts), ["a", "b"])
    assert list(found) == ["a", "b"]
    for name, figures in expected.items():
        assert dataclasses.astuple(found[name]) == pytest.approx(figures, nan_ok=True), name


@pytest.mark.parametrize(("right", "total"), [(10, 20), (45, 60), (5, 112), (110, 112)])
def test_interval_is_scipys_percentile_bootstrap(right, total):
    values = np.repeat([1.0, 0.0], [right, total - right])
    own = interval(values)
    their = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=2000, random_state=np.random.default_rng(1))
    np.testing.assert_allclose(own, their.confidence_interval, atol=max(0.02, 1.01 / total))
    assert own == interval(values), "the same draws each time"


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 80), st.data())
def test_interval_holds_the_mean(total, data):
    right = data.draw(st.integers(0, total))
    values = np.repeat([1.0, 0.0], [right, total - right])
    low, high = interval(values, draws=500)
    assert 0 <= low <= right / total <= high <= 1


@pytest.mark.parametrize(("value", "count"), [(1.0, 30), (0.0, 30), (1.0, 1)])
def test_interval_of_equal_values_is_a_point(value, count):
    assert interval(np.full(count, value)) == (value, value)


def pooled(right: np.ndarray, speakers: np.ndarray, draws: int) -> np.ndarray:
    """Accuracy of the pooled clips of speakers drawn with replacement, one draw at a time."""
    names, rng = sorted(set(speakers)), np.random.default_rng(5)
    found = []
    for _ in range(draws):
        clips = np.concatenate([right[speakers == name] for name in rng.choice(names, len(names))])
        found.append(clips.mean())
    return np.array(found)


def test_interval_over_speakers_is_the_cluster_bootstrap():
    rng = np.random.default_rng(0)
    speakers = np.repeat(list("abcdefgh"), [4, 9, 14, 14, 20, 3, 8, 11])
    skill = dict(zip("abcdefgh", rng.uniform(0.2, 0.9, 8), strict=True))
    right = np.array([float(rng.random() < skill[s]) for s in speakers])
    expected = np.quantile(pooled(right, speakers, 20000), [0.025, 0.975])
    np.testing.assert_allclose(interval(right, speakers, draws=20000), expected, atol=0.01)
    assert interval(right, speakers) == interval(right, speakers), "the same draws each time"


def test_clips_of_a_speaker_that_are_all_alike_widen_the_interval():
    right, speakers = np.repeat([1.0, 0.0, 1.0, 0.0], 20), np.repeat(list("abcd"), 20)
    assert np.ptp(interval(right, speakers)) > 2 * np.ptp(interval(right))


def test_a_speaker_per_clip_is_a_bootstrap_over_clips():
    right = np.repeat([1.0, 0.0], [12, 8])
    assert interval(right, np.array([f"s{n:02d}" for n in range(20)])) == interval(right)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=1, max_size=40))
def test_interval_over_speakers_stays_in_range(clips):
    speakers, right = (np.array(column) for column in zip(*clips, strict=True))
    low, high = interval(right.astype(float), speakers, draws=200)
    assert 0 <= low <= high <= 1


def test_score_draws_what_the_settings_say():
    frame = pd.DataFrame({"emotion": ["sad"] * 40, "predicted": ["sad"] * 20 + ["fear"] * 20, "speaker": ["a"] * 20 + ["b"] * 20})
    clips, speakers = (score(frame, CLASSES, 40, ReportParams(bootstrap=kind)) for kind in ("clips", "speakers"))
    assert (clips.accuracy, speakers.accuracy) == (0.5, 0.5)
    assert (speakers.low, speakers.high) == (0, 1)
    assert 0.3 < clips.low < clips.high < 0.7
    assert score(frame, CLASSES, 40) == clips, "the default"


@pytest.mark.parametrize("change", [{"bootstrap": "folds"}, {"draws": 0}, {"seed": 1}])
def test_settings_that_make_no_report(change):
    with pytest.raises(ValidationError):
        ReportParams(**change)


def test_nothing_judged():
    assert all(math.isnan(end) for end in interval(np.zeros(0)))
    found = score(pd.DataFrame({"emotion": ["sad"], "predicted": [""]}), CLASSES, 5)
    assert (found.n, found.coverage) == (0, 0)
    assert math.isnan(found.accuracy)
    assert math.isnan(found.uar)


def test_a_clip_that_was_not_judged_counts_against_the_coverage_alone():
    frame = pd.DataFrame({"emotion": ["sad", "sad", "fear"], "predicted": ["sad", "", "fear"]})
    found = score(frame, CLASSES, 4)
    assert (found.accuracy, found.n, found.coverage) == (1.0, 2, 0.5)


def test_more_clips_give_a_narrower_interval():
    widths = [np.ptp(interval(np.tile([1.0, 0.0], n))) for n in (5, 20, 80, 320)]
    assert widths == sorted(widths, reverse=True)


def test_rounded_is_plain_and_has_four_decimals():
    found = score(pd.DataFrame({"emotion": ["sad", "fear", "sad"], "predicted": ["sad", "sad", "sad"]}), CLASSES, 3).rounded()
    assert found["accuracy"] == 0.6667
    assert set(found) == {"accuracy", "uar", "micro_f1", "low", "high", "n", "coverage"}
