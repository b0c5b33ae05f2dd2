"""`pipeline.evaluation.significance` against SciPy, brute force and examples by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pipeline.evaluation.significance import holm, least_p, mcnemar, paired, permutation

CLIPS = st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcdef")), min_size=1, max_size=40)


def columns(clips) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    one, other, speakers = zip(*clips, strict=True)
    return np.array(one, bool), np.array(other, bool), np.array(speakers, str)


def rows(decisions, fold="fold-00") -> pd.DataFrame:
    """One row per clip of sadness, c0, c1 and so on; None for a clip that is not in the table."""
    found = [(fold, f"c{n}", f"s{n % 2}", "sad", made) for n, made in enumerate(decisions) if made is not None]
    return pd.DataFrame(found, columns=["fold", "clip_id", "speaker", "emotion", "predicted"])


def test_only_what_both_judged_is_paired():
    one, other = rows(["sad", "fear", "", "sad", None]), rows(["fear", "fear", "sad", None, "sad"])
    found = paired(one, other)
    assert found.to_dict("list") == {"speaker": ["s0", "s1"], "one": [True, False], "other": [False, False]}


def test_a_clip_that_is_tested_in_two_folds_is_paired_within_each():
    one = pd.concat([rows(["sad"]), rows(["fear"], "fold-01")])
    other = pd.concat([rows(["sad"], "fold-01"), rows(["fear"])])
    assert paired(one, other)[["one", "other"]].to_numpy().tolist() == [[True, False], [False, True]]


def test_no_clip_in_common():
    found = paired(rows(["sad", None]), rows([None, "sad"]))
    assert found.empty
    one, other, speakers = found["one"].to_numpy(bool), found["other"].to_numpy(bool), found["speaker"].to_numpy(str)
    assert math.isnan(mcnemar(one, other))
    assert math.isnan(permutation(one, other, speakers, 100, 0))


@pytest.mark.parametrize(
    ("better", "worse", "expected"),
    [
        (0, 0, 1.0),
        (1, 0, 1.0),
        # both tails: 2 / 2^6
        (6, 0, 1 / 32),
        # 2 (1 + 10 + 45) / 2^10
        (8, 2, 7 / 64),
        (5, 5, 1.0),
    ],
)
def test_mcnemar_by_hand(better, worse, expected):
    one = np.array([True] * better + [False] * worse + [True] * 7 + [False] * 3)
    other = np.array([False] * better + [True] * worse + [True] * 7 + [False] * 3)
    assert mcnemar(one, other) == pytest.approx(expected)
    assert mcnemar(other, one) == pytest.approx(expected)


@settings(deadline=None)
@given(CLIPS)
def test_mcnemar_is_scipys_binomial_test_of_the_clips_that_one_alone_got_right(clips):
    one, other, _ = columns(clips)
    better, worse = sum(one & ~other), sum(~one & other)
    tails = 2 * stats.binom.cdf(min(better, worse), better + worse, 0.5)
    assert mcnemar(one, other) == pytest.approx(min(tails, 1))


def brute_force(one, other, speakers) -> float:
    """Share of all ways to swap the models for whole speakers whose difference is as large as the one found."""
    names = sorted(set(speakers))
    sums = [int((one.astype(int) - other)[speakers == name].sum()) for name in names]
    totals = [
        abs(sum(sign * value for sign, value in zip(signs, sums, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(names))
    ]
    return sum(total >= abs(sum(sums)) for total in totals) / len(totals)


@settings(deadline=None, max_examples=60)
@given(CLIPS)
def test_permutation_tries_all_swaps_of_few_speakers(clips):
    one, other, speakers = columns(clips)
    assert permutation(one, other, speakers, 64, 0) == pytest.approx(brute_force(one, other, speakers))


@settings(deadline=None, max_examples=40)
@given(CLIPS, st.randoms())
def test_neither_test_minds_the_order_of_clips_or_of_models(clips, chance):
    one, other, speakers = columns(clips)
    again = columns(chance.sample(clips, len(clips)))
    assert mcnemar(one, other) == mcnemar(other, one) == mcnemar(again[0], again[1])
    p = permutation(one, other, speakers, 100, 0)
    assert p == permutation(*again, 100, 0)
    assert p == pytest.approx(permutation(other, one, speakers, 100, 0))
    assert min(2 / 2 ** len(set(speakers)), 1) <= p <= 1


def test_permutation_of_many_speakers_is_drawn_and_comes_near_to_all_swaps():
    rng = np.random.default_rng(0)
    speakers = np.repeat([f"s{n:02d}" for n in range(12)], 9)
    one, other = rng.random(108) < 0.7, rng.random(108) < 0.6
    exact = permutation(one, other, speakers, 4096, 0)
    assert exact == pytest.approx(brute_force(one, other, speakers))
    drawn = permutation(one, other, speakers, 4000, 0)
    assert drawn == pytest.approx(exact, abs=0.03)
    assert drawn == permutation(one, other, speakers, 4000, 0), "the same draws each time"


def test_a_drawn_p_is_never_0():
    speakers = np.repeat([f"s{n:02d}" for n in range(40)], 2)
    assert permutation(np.ones(80, bool), np.zeros(80, bool), speakers, 99, 0) == pytest.approx(2 / 100)
    assert least_p(40, 99) == 2 / 100


@pytest.mark.parametrize(("speakers", "least"), [(1, 1.0), (2, 0.5), (6, 1 / 32)])
def test_few_speakers_cannot_tell_much(speakers, least):
    one, names = np.ones(3 * speakers, bool), np.repeat([f"s{n}" for n in range(speakers)], 3)
    assert permutation(one, ~one, names, 2000, 0) == pytest.approx(least)
    assert least_p(speakers, 2000) == least


def test_clips_of_a_speaker_that_are_all_alike_fool_mcnemar_alone():
    one, speakers = np.repeat([True, True, True], 20), np.repeat(list("abc"), 20)
    assert mcnemar(one, ~one) < 1e-9
    assert permutation(one, ~one, speakers, 2000, 0) == 0.25


def test_equal_models():
    right = np.array([True, False, True, True])
    assert (mcnemar(right, right), permutation(right, right, np.array(list("abab")), 100, 0)) == (1, 1)


@pytest.mark.parametrize(
    ("raw", "adjusted"),
    [
        # 4 * 0.005, 3 * 0.01, 2 * 0.03, and 0.04 raised to the 0.06 before it
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.6, 0.7], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
        # what could not be tested is not counted
        ([0.01, math.nan, 0.04], [0.02, math.nan, 0.04]),
        ([math.nan], [math.nan]),
    ],
)
def test_holm_by_hand(raw, adjusted):
    np.testing.assert_allclose(holm(raw), adjusted)


@given(st.lists(st.floats(0, 1), max_size=20), st.randoms())
def test_holm_keeps_the_order_and_only_raises(raw, chance):
    found = holm(raw)
    assert np.all(found >= raw)
    assert np.all(found <= np.minimum(1, len(raw) * np.array(raw)) + 1e-12), "never stricter than Bonferroni"
    order = np.argsort(raw, kind="stable")
    assert np.all(np.diff(found[order]) >= 0)
    places = chance.sample(range(len(raw)), len(raw))
    np.testing.assert_array_equal(holm([raw[n] for n in places]), found[places] if raw else found)
