"""`pipeline.evaluation.metrics` against scikit-learn and SciPy."""

from __future__ import annotations

import dataclasses
import math
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats
from sklearn import metrics

from pipeline.evaluation.bootstrap import interval, interval_of
from pipeline.evaluation.by_class import per_class
from pipeline.evaluation.metrics import (
    ReportParams,
    Score,
    best,
    confusion,
    macro_f1,
    macro_precision,
    micro_f1,
    over_folds,
    percentages,
    rounded,
    score,
    uar,
)

CLASSES = ["anger", "fear", "sad", "neutral"]
DECISIONS = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), min_size=1, max_size=60)


@settings(max_examples=40)
@given(DECISIONS)
@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_figures_are_scikit_learns(decisions):
    truth, predicted = (list(column) for column in zip(*decisions, strict=True))
    counts = confusion(truth, predicted, CLASSES)
    np.testing.assert_array_equal(counts, metrics.confusion_matrix(truth, predicted, labels=CLASSES))
    assert uar(counts) == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert micro_f1(counts) == pytest.approx(metrics.f1_score(truth, predicted, average="micro"))
    assert macro_f1(counts) == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    clips = [f"s{n}" for n in range(len(truth) - 1)] + ["another"]
    found = score(pd.DataFrame({"emotion": truth, "predicted": predicted, "speaker": clips}), CLASSES, len(truth))
    assert found.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted))
    assert found.accuracy == pytest.approx(found.micro_f1), "one label per clip"
    assert found.macro_f1 == macro_f1(counts)
    if len(truth) > 1:
        assert found.low <= found.accuracy <= found.high
        assert 0 <= found.uar_low <= found.uar_high <= 1
    else:
        assert all(math.isnan(end) for end in (found.low, found.high, found.uar_low, found.uar_high))
    assert (found.n, found.coverage) == (len(truth), 1)


@pytest.mark.parametrize(
    ("counts", "expected_uar", "expected_f1", "expected_macro"),
    [
        ([[4, 0], [0, 4]], 1.0, 1.0, 1.0),
        ([[0, 4], [4, 0]], 0.0, 0.0, 0.0),
        # F1 of the first 16 / 18, of the second, that nobody was taken for, 0
        ([[8, 0], [2, 0]], 0.5, 0.8, 4 / 9),
        # the second was only decided for: it has no recall, and an F1 of 0
        ([[3, 1], [0, 0]], 0.75, 0.75, 3 / 7),
        # neither shown nor decided for
        ([[3, 0], [0, 0]], 1.0, 1.0, 1.0),
        ([[0, 0], [0, 0]], math.nan, math.nan, math.nan),
    ],
)
def test_by_hand(counts, expected_uar, expected_f1, expected_macro):
    assert uar(np.array(counts)) == pytest.approx(expected_uar, nan_ok=True)
    assert micro_f1(np.array(counts)) == pytest.approx(expected_f1, nan_ok=True)
    assert macro_f1(np.array(counts)) == pytest.approx(expected_macro, nan_ok=True)


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
    their = stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=2000, random_state=np.random.default_rng(1)
    )
    np.testing.assert_allclose(own, their.confidence_interval, atol=max(0.02, 1.01 / total))
    assert own == interval(values), "the same draws each time"


@settings(deadline=None, max_examples=40)
@given(st.integers(2, 80), st.data())
def test_interval_holds_the_mean(total, data):
    right = data.draw(st.integers(0, total))
    values = np.repeat([1.0, 0.0], [right, total - right])
    low, high = interval(values, draws=500)
    assert 0 <= low <= right / total <= high <= 1


@pytest.mark.parametrize(("value", "count"), [(1.0, 30), (0.0, 30)])
def test_interval_of_equal_values_is_a_point(value, count):
    assert interval(np.full(count, value)) == (value, value)


@pytest.mark.parametrize(("right", "speakers"), [(np.ones(1), None), (np.tile([1.0, 0.0], 9), np.full(18, "a"))])
def test_one_clip_or_one_speaker_has_no_interval(right, speakers):
    """A point would look certain, and is the least certain of all."""
    assert all(math.isnan(end) for end in interval(right, speakers))
    assert all(math.isnan(end) for end in interval(right, speakers, classes=np.arange(len(right)) % 2))


def test_a_score_of_one_speaker_has_no_interval():
    frame = pd.DataFrame({"emotion": ["sad", "fear"] * 9, "predicted": ["sad"] * 18, "speaker": "a"})
    found = score(frame, CLASSES, 18)
    assert (found.accuracy, found.uar) == (0.5, 0.5)
    assert [rounded(dataclasses.asdict(found))[key] for key in ("low", "high", "uar_low", "uar_high")] == [None] * 4
    over_clips = score(frame, CLASSES, 18, ReportParams(bootstrap="clips"))
    assert over_clips.low < 0.5 < over_clips.high


def drawn(speakers: np.ndarray, draws: int):
    """Numbers of the pooled clips of speakers drawn with replacement, one draw at a time."""
    names, rng = sorted(set(speakers)), np.random.default_rng(5)
    for _ in range(draws):
        yield np.concatenate([np.flatnonzero(speakers == name) for name in rng.choice(names, len(names))])


def test_interval_over_speakers_is_the_cluster_bootstrap():
    rng = np.random.default_rng(0)
    speakers = np.repeat(list("abcdefgh"), [4, 9, 14, 14, 20, 3, 8, 11])
    skill = dict(zip("abcdefgh", rng.uniform(0.2, 0.9, 8), strict=True))
    right = np.array([float(rng.random() < skill[s]) for s in speakers])
    expected = np.quantile([right[clips].mean() for clips in drawn(speakers, 20000)], [0.025, 0.975])
    np.testing.assert_allclose(interval(right, speakers, draws=20000), expected, atol=0.01)
    assert interval(right, speakers) == interval(right, speakers), "the same draws each time"


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_interval_of_uar_is_the_cluster_bootstrap_of_scikit_learns_balanced_accuracy():
    rng = np.random.default_rng(1)
    speakers = np.repeat(list("abcdef"), [8, 9, 14, 10, 20, 6])
    truth = rng.choice(CLASSES, len(speakers), p=[0.1, 0.2, 0.3, 0.4])
    predicted = np.where(
        rng.random(len(truth)) < rng.uniform(0.2, 0.9, 6)[np.unique(speakers, return_inverse=True)[1]], truth, "sad"
    )
    recalls = [metrics.balanced_accuracy_score(truth[clips], predicted[clips]) for clips in drawn(speakers, 1500)]
    found = interval((truth == predicted).astype(float), speakers, draws=20000, classes=truth)
    np.testing.assert_allclose(found, np.quantile(recalls, [0.025, 0.975]), atol=0.02)


def test_the_intervals_of_two_speakers_are_found_among_all_their_draws():
    """a twice, a and b, b and a, or b twice: accuracies 1, 3 / 4, 3 / 4, 1 / 2; recalls of both emotions 1, 3 / 4, 3 /
    4, 1 / 2.
    """
    truth, predicted = ["sad", "fear", "sad", "fear"], ["sad", "fear", "sad", "sad"]
    right, speakers = np.array([t == p for t, p in zip(truth, predicted, strict=True)], float), np.array(list("aabb"))
    assert interval(right, speakers) == interval(right, speakers, classes=np.array(truth)) == (0.5, 1)
    frame = pd.DataFrame({"emotion": truth, "predicted": predicted, "speaker": speakers})
    found = score(frame, CLASSES, 4)
    assert (found.low, found.high) == (0.25, 1), (
        "four clips, one wrong, are not surer than that: 1 of 4 right has 4.7 %, none 0.4 %"
    )


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcde")), min_size=2, max_size=40))
def test_an_interval_over_speakers_is_never_narrower_than_one_over_clips(rows):
    right, speakers = np.array([float(r) for r, _ in rows]), np.array([s for _, s in rows])
    low, high = interval_of(right, speakers, 300)
    if len(set(speakers)) == 1:
        assert np.isnan([low, high]).all()
        return
    ends = [interval(right, None, 300), interval(right, speakers, 300)]
    assert (low, high) == (min(end[0] for end in ends), max(end[1] for end in ends))
    assert interval_of(right, None, 300) == ends[0]


def test_an_emotion_that_a_draw_lacks_is_left_out_of_its_uar():
    """Only a shows fear, and all of it is missed: without a in the draw, UAR is the recall of sad alone, 1."""
    truth, speakers = np.array(["fear", "sad", "sad", "sad"]), np.array(list("aabb"))
    assert interval(np.array([0.0, 1, 1, 1]), speakers, classes=truth) == (0.5, 1)


def test_accuracy_and_uar_of_equally_many_clips_of_each_emotion_and_speaker_have_one_interval():
    truth, speakers = np.tile(["sad", "fear"], 20), np.repeat(list("abcd"), 10)
    right = np.random.default_rng(0).integers(0, 2, 40).astype(float)
    assert interval(right, speakers) == pytest.approx(interval(right, speakers, classes=truth)), "the same draws"


def test_many_models_take_little_time():
    rng = np.random.default_rng(0)
    truth, speakers = rng.choice(CLASSES, 1300), rng.integers(0, 40, 1300)
    started = time.perf_counter()
    for _ in range(60):
        interval(rng.integers(0, 2, 1300).astype(float), speakers, 2000, classes=truth)
    assert time.perf_counter() - started < 5


def test_clips_of_a_speaker_that_are_all_alike_widen_the_interval():
    right, speakers = np.repeat([1.0, 0.0, 1.0, 0.0], 20), np.repeat(list("abcd"), 20)
    assert np.ptp(interval(right, speakers)) > 2 * np.ptp(interval(right))


def test_a_speaker_per_clip_is_a_bootstrap_over_clips():
    right = np.repeat([1.0, 0.0], [12, 8])
    assert interval(right, np.array([f"s{n:02d}" for n in range(20)])) == interval(right)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.sampled_from(CLASSES)), min_size=1, max_size=40),
    st.randoms(),
)
def test_interval_over_speakers_stays_in_range_whatever_the_order_of_the_clips(clips, chance):
    shuffled = chance.sample(clips, len(clips))
    found = []
    for rows in (clips, shuffled):
        speakers, right, truth = (np.array(column) for column in zip(*rows, strict=True))
        found.append([interval(right.astype(float), speakers, draws=200, classes=kind) for kind in (None, truth)])
    np.testing.assert_array_equal(*found)
    for low, high in found[0]:
        assert 0 <= low <= high <= 1 if len(set(speakers)) > 1 else math.isnan(low) and math.isnan(high)


@settings(deadline=None)
@given(DECISIONS)
@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_macro_precision_is_scikit_learns(decisions):
    truth, predicted = (list(column) for column in zip(*decisions, strict=True))
    found = macro_precision(confusion(truth, predicted, CLASSES))
    assert found == pytest.approx(metrics.precision_score(truth, predicted, average="macro", zero_division=0))


def test_folds_count_once_whatever_their_clips():
    """3 of 4, and 0 of 1; UAR of the first (1 + 2/3) / 2, of the second 0."""
    frame = pd.DataFrame(
        {
            "emotion": ["sad", "fear", "fear", "fear", "sad", "sad"],
            "predicted": ["sad", "fear", "fear", "sad", "fear", ""],
            "speaker": list("aaaabc"),
            "fold": ["fold-00"] * 4 + ["fold-01", "fold-02"],
        }
    )
    found = score(frame, CLASSES, 6)
    assert (found.accuracy, found.folds, found.fold_accuracy) == (0.6, 2, 0.375), "fold-02 judged nothing"
    assert found.fold_accuracy_sd == pytest.approx(np.std([0.75, 0], ddof=1))
    assert (found.fold_uar, found.fold_uar_sd) == pytest.approx(over_folds([5 / 6, 0]))
    alone = score(frame[:4], CLASSES, 4)
    assert (alone.folds, alone.fold_accuracy) == (1, 0.75)
    assert math.isnan(alone.fold_accuracy_sd)


def test_score_draws_what_the_settings_say():
    frame = pd.DataFrame(
        {"emotion": ["sad"] * 40, "predicted": ["sad"] * 20 + ["fear"] * 20, "speaker": ["a"] * 20 + ["b"] * 20}
    )
    clips, speakers = (score(frame, CLASSES, 40, ReportParams(bootstrap=kind)) for kind in ("clips", "speakers"))
    assert (clips.accuracy, speakers.accuracy) == (0.5, 0.5)
    assert (speakers.low, speakers.high) == (0, 1)
    assert 0.3 < clips.low < clips.high < 0.7
    assert score(frame, CLASSES, 40) == speakers, "the default"


def test_the_settings_begin_where_their_ranges_do():
    assert (ReportParams().draws, ReportParams().bins, ReportParams().bootstrap) == (2000, 15, "speakers")
    assert (ReportParams(draws=100).draws, ReportParams(bins=1).bins) == (100, 1)


@pytest.mark.parametrize("change", [{"bootstrap": "folds"}, {"draws": 99}, {"bins": 0}, {"seed": 1}])
def test_settings_that_make_no_report(change):
    with pytest.raises(ValidationError):
        ReportParams(**change)


def test_nothing_judged():
    assert all(math.isnan(end) for end in interval(np.zeros(0)))
    found = score(pd.DataFrame({"emotion": ["sad"], "predicted": [""], "speaker": "a"}), CLASSES, 5)
    assert (found.n, found.coverage) == (0, 0)
    counted = {"n": 0, "coverage": 0, "folds": 0}
    assert {k: v for k, v in rounded(dataclasses.asdict(found)).items() if v is not None} == counted


def test_a_clip_that_was_not_judged_counts_against_the_coverage_alone():
    frame = pd.DataFrame({"emotion": ["sad", "sad", "fear"], "predicted": ["sad", "", "fear"], "speaker": list("abc")})
    found = score(frame, CLASSES, 4)
    assert (found.accuracy, found.n, found.coverage) == (1.0, 2, 0.5)


def test_more_clips_give_a_narrower_interval():
    widths = [np.ptp(interval(np.tile([1.0, 0.0], n))) for n in (5, 20, 80, 320)]
    assert widths == sorted(widths, reverse=True)


def test_an_interval_is_of_two_thousand_draws_if_nothing_is_said():
    right = np.random.default_rng(0).random(37)
    assert interval(right) == interval(right, draws=2000) != interval(right, draws=2001)


def test_rounded_is_plain_and_has_four_decimals():
    frame = pd.DataFrame(
        {"emotion": ["sad", "fear", "sad"], "predicted": ["sad", "sad", "sad"], "speaker": list("abc")}
    )
    found = rounded(dataclasses.asdict(score(frame, CLASSES, 3)))
    assert (found["accuracy"], found["macro_f1"]) == (0.6667, 0.4)
    assert list(found) == [
        "accuracy",
        "uar",
        "micro_f1",
        "low",
        "high",
        "n",
        "coverage",
        "macro_f1",
        "uar_low",
        "uar_high",
        "macro_precision",
        "folds",
        "fold_accuracy",
        "fold_accuracy_sd",
        "fold_uar",
        "fold_uar_sd",
    ]


def a_score(accuracy: float) -> Score:
    return Score(accuracy, uar=0.5, micro_f1=0.5, low=0, high=1, n=4, coverage=1)


def test_the_best_has_the_highest_accuracy_the_first_of_equals_and_nothing_judged_comes_last():
    nothing = a_score(math.nan)
    assert best({"a": a_score(0.5), "b": a_score(0.7), "c": a_score(0.7)}) == "b"
    assert best({"nothing": nothing, "zero": a_score(0.0)}) == "zero", "even all wrong is a figure"
    assert best({"good": a_score(0.9), "nothing": nothing}) == "good"
    assert best({"nothing": nothing, "too": nothing}) == "nothing"
    assert a_score(0.5).folds == 0


def test_percentages_are_those_of_the_rows():
    found = percentages(np.array([[3, 1, 0], [0, 0, 0], [2, 0, 2]]))
    np.testing.assert_array_equal(found, [[75, 25, 0], [math.nan] * 3, [50, 0, 50]])
