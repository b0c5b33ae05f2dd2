"""`pipeline.evaluation.groups` against scikit-learn and brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from pipeline.evaluation.groups import by_group, gender_gap

CLASSES = ["anger", "fear", "sad"]
CLIPS = st.lists(
    st.tuples(st.sampled_from(["s0", "s1", "s2", "s3"]), st.sampled_from(CLASSES), st.sampled_from(CLASSES)),
    min_size=1,
    max_size=40,
)
GENDERS = {"s0": "female", "s1": "male", "s2": "female", "s3": "male"}


def rows(clips) -> pd.DataFrame:
    return pd.DataFrame(clips, columns=["speaker", "emotion", "predicted"])


@settings(max_examples=30)  # each calls scikit-learn for every speaker
@given(CLIPS)
@pytest.mark.filterwarnings("ignore:A single label was found")
@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_figures_of_each_group_are_scikit_learns(clips):
    frame = rows(clips)
    found = by_group(frame, frame["speaker"].tolist(), CLASSES)
    assert list(found) == sorted(set(frame["speaker"]))
    for name, mine in frame.groupby("speaker"):
        figures = found[name]
        assert figures["clips"] == len(mine)
        assert figures["accuracy"] == pytest.approx(metrics.accuracy_score(mine["emotion"], mine["predicted"]))
        assert figures["uar"] == pytest.approx(metrics.balanced_accuracy_score(mine["emotion"], mine["predicted"]))
        recalls = metrics.recall_score(
            mine["emotion"], mine["predicted"], labels=CLASSES, average=None, zero_division=np.nan
        )
        np.testing.assert_allclose([figures[f"recall_{emotion}"] for emotion in CLASSES], recalls)


def test_clips_without_a_group_are_left_out():
    frame = rows([("s0", "sad", "sad"), ("s1", "sad", "fear"), ("s2", "fear", "fear")])
    assert {name: each["clips"] for name, each in by_group(frame, ["female", "", "female"], CLASSES).items()} == {
        "female": 2
    }
    assert by_group(frame, ["", "", ""], CLASSES) == {}
    assert by_group(frame.iloc[:0], [], CLASSES) == {}


def brute_force(clips) -> tuple[float, float]:
    """The gap, and the share of all deals of the genders over the speakers with one as large in the rarer direction,
    twice.
    """
    frame = rows(clips)
    right = (frame["emotion"] == frame["predicted"]).to_numpy()
    names = sorted(set(frame["speaker"]))
    women = [name for name in names if GENDERS[name] == "female"]
    gaps = []
    for chosen in itertools.combinations(names, len(women)):
        ours = frame["speaker"].isin(chosen).to_numpy()
        gaps.append(right[ours].mean() - right[~ours].mean())
    ours = frame["speaker"].isin(women).to_numpy()
    gap = right[ours].mean() - right[~ours].mean()
    tails = [np.mean(np.array(gaps) >= gap - 1e-9), np.mean(np.array(gaps) <= gap + 1e-9)]
    return abs(gap), min(1, 2 * min(tails))


@settings(deadline=None, max_examples=60)
@given(CLIPS)
def test_the_gap_is_tested_by_all_deals_of_the_genders_over_the_speakers(clips):
    everyone = [*clips, *((name, "sad", "sad") for name in GENDERS)]
    found = gender_gap(rows(everyone), GENDERS, 100, 0)
    assert (found.accuracy, found.p) == pytest.approx(brute_force(everyone))


def test_a_gap_of_many_speakers_is_drawn():
    rng = np.random.default_rng(0)
    speakers = [f"s{n:02d}" for n in range(24) for _ in range(5)]
    genders = {name: ("female", "male")[number % 2] for number, name in enumerate(sorted(set(speakers)))}
    good = [rng.random() < (0.9 if genders[name] == "female" else 0.4) for name in speakers]
    frame = rows([(name, "sad", "sad" if right else "fear") for name, right in zip(speakers, good, strict=True)])
    found = gender_gap(frame, genders, 999, 0)
    assert found.accuracy > 0.3
    assert 0 < found.p < 0.01
    assert found == gender_gap(frame, genders, 999, 0), "the same deals each time"
    shuffled = frame.sample(frac=1, random_state=0)
    assert gender_gap(shuffled, genders, 999, 0) == found


@pytest.mark.parametrize(
    "genders",
    [dict.fromkeys(GENDERS, ""), dict.fromkeys(GENDERS, "female"), {**dict.fromkeys(GENDERS, ""), "s0": "male"}],
)
def test_one_gender_or_none_has_no_gap(genders):
    assert gender_gap(rows([(name, "sad", "sad") for name in GENDERS]), genders, 100, 0) is None


def test_a_gender_of_one_speaker_has_a_gap_and_no_test():
    found = gender_gap(rows([("s0", "sad", "sad"), ("s1", "sad", "fear"), ("s2", "sad", "sad")]), GENDERS, 100, 0)
    assert found.accuracy == 1
    assert math.isnan(found.p)


def test_nothing_judged_has_no_gap():
    assert gender_gap(rows([]), GENDERS, 100, 0) is None
