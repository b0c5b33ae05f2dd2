"""The feedback loop: eq. (2) by hand, steps by hand, and that nothing but class distributions reaches the learner."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.fusion.rules import weighted
from pipeline.fusion.weights.challenge_server import Feedback, Organiser, accuracy_of, fit_to_feedback, shares
from pipeline.fusion.weights.feedback_loop import emphasised, learn, reward
from pipeline.systems.combined import FeedbackParams


def draw(seed, models=2, clips=40, classes=3, shift=None):
    """Posteriors that see the label through noise; `shift` favours classes in all of them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, clips)
    logits = rng.normal(size=(models, clips, classes)) + np.eye(classes)[labels] + (0 if shift is None else shift)
    return np.exp(logits) / np.exp(logits).sum(axis=2, keepdims=True), labels


def loop(steps, rate=1.0, **searched):
    """Steps and rate, and what is searched."""
    return FeedbackParams(fusion="any", steps=steps, rate=rate), weighted.Params(**searched)


def same(one, other):
    assert (one.kept, one.end, len(one.steps)) == (other.kept, other.end, len(other.steps))
    for a, b in zip(one.steps, other.steps, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)
        assert (a.emphasis, a.feedback, a.reward, a.changed) == (b.emphasis, b.feedback, b.reward, b.changed)


@pytest.mark.parametrize(
    ("emphasis", "differences", "accuracy", "expected"),
    [
        ([0, 0, 0], [0.2, 0.1, 0.1], 0.6, -0.6),
        ([1, 0, 0], [0.2, 0.1, 0.1], 0.6, -0.4),
        ([0.5, 0.25, 0.25], [0.2, 0.1, 0.1], 0.5, -0.35),
        ([2, 2, 0], [0.5, 0.25, 0.25], 0.0, 1.5),
    ],
)
def test_reward_by_hand(emphasis, differences, accuracy, expected):
    assert reward(emphasis, differences, accuracy) == expected


def test_emphasis_grows_in_proportion_to_the_differences():
    assert emphasised([0.0, 0.0, 0.0], [0.2, 0.1, 0.1], 1.0) == (1.5, 0.75, 0.75)
    assert emphasised([0.5, 0.25, 0.25], [0.0, 0.3, 0.3], 0.5) == (0.5, 1.0, 1.0)


def test_shares_count_a_clip_without_decision_for_no_class():
    assert shares(np.array([0, 0, 2, -1]), 3).tolist() == [0.5, 0, 0.25]
    assert shares(np.zeros(0, int), 2).tolist() == [0, 0]


def test_the_organiser_returns_distributions_and_counts():
    organiser = Organiser(np.array([0, 1, 1, 2]), 3)
    assert organiser.submit(np.array([0, 0, 1, -1])) == Feedback((0.5, 0.25, 0.0), (0.25, 0.5, 0.25))
    assert organiser.submit(np.array([2, 2, 2, 2])) == Feedback((0.0, 0.0, 1.0), (0.25, 0.5, 0.25))
    assert organiser.submissions == 2
    with pytest.raises(ValueError, match="predictions for 3 clips, the organiser has 4"):
        organiser.submit(np.array([0, 1, 2]))


def test_nothing_can_be_submitted_once_an_accuracy_was_told():
    organiser = Organiser(np.array([0, 1]), 2)
    assert organiser.accuracy(np.array([0, 0])) == 0.5
    with pytest.raises(ValueError, match="no submission"):
        organiser.submit(np.array([0, 0]))


ONE = np.array([[[0.6, 0.4], [0.4, 0.6]]])
"""One sub-system, two validation clips of classes 0 and 1, both right with weights 1 and 1."""
HELD = np.array([[[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.45, 0.55]]])
"""Four held-out clips: predicted 0 0 0 1."""


def test_two_steps_by_hand():
    organiser = Organiser(np.array([1, 1, 1, 1]), 2)
    found = learn(organiser, HELD, ONE, np.array([0, 1]), *loop(steps=2, rate=2))
    first, second = found.steps
    assert first.weights.tolist() == [[1, 1]]
    assert first.feedback == Feedback((0.75, 0.25), (0.0, 1.0))
    assert (first.emphasis, first.differences, first.distance) == ((0, 0), (0.75, 0.75), 0.75)
    assert (first.accuracy, first.reward, first.changed) == (1, -1, ())
    # W = (2, 2). Weights (0.5, 1): predicted 1 0 0 1, as 0.3 < 0.4, 0.35 > 0.3, 0.4 > 0.2: D 0.5, L = 2 - C 0.5 = 1.5;
    # (0, 1): predicted 1 1 1 1: D 0, L = -0.5, the least
    assert second.emphasis == (2, 2)
    assert second.weights.tolist() == [[0, 1]]
    assert second.changed == ((0, 0, 1, 0),)
    assert (second.accuracy, second.distance, second.reward) == (0.5, 0, -0.5)
    assert (found.kept, found.end, organiser.submissions) == (1, "steps", 2)


def test_equal_distributions_end_the_loop():
    organiser = Organiser(np.array([0, 1, 0, 0]), 2)
    found = learn(organiser, HELD, ONE, np.array([0, 1]), *loop(steps=5))
    assert (len(found.steps), found.kept, found.end, organiser.submissions) == (1, 0, "equal", 1)


def test_weights_submitted_before_are_not_submitted_again():
    organiser = Organiser(np.array([0, 0, 0, 0]), 2)
    # 0.45 against 0.55 becomes class 0 with weights (1, 0.5), but then validation clip 1 is lost: 0.25 W is too little
    found = learn(organiser, HELD, ONE, np.array([0, 1]), *loop(steps=5, rate=0.05))
    assert (len(found.steps), found.end, organiser.submissions) == (1, "repeated", 1)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**16))
def test_permuted_labels_of_the_organiser_change_nothing(seed):
    scores, labels = draw(seed)
    held, truth = draw(seed + 1, shift=np.array([0.5, 0, -0.5]))
    permuted = np.random.default_rng(seed).permutation(truth)
    wanted = loop(steps=4)
    same(
        learn(Organiser(truth, 3), held, scores, labels, *wanted),
        learn(Organiser(permuted, 3), held, scores, labels, *wanted),
    )


def test_the_loop_lowers_the_distance_between_distributions_and_repeats_itself():
    scores, labels = draw(2, clips=60)
    held, truth = draw(3, clips=80, shift=np.array([1.0, 0, -1.0]))  # the held-out set is seen with a bias
    wanted = loop(steps=6)
    organiser = Organiser(truth, 3)
    found = learn(organiser, held, scores, labels, *wanted)
    assert found.steps[found.kept].distance < 0.5 * found.steps[0].distance
    assert found.kept > 0
    assert organiser.submissions == len(found.steps) <= 6
    assert min(step.distance for step in found.steps) == found.steps[found.kept].distance
    same(found, learn(Organiser(truth, 3), held, scores, labels, *wanted))


def test_every_step_records_what_changed():
    scores, labels = draw(2, clips=60)
    held, truth = draw(3, clips=80, shift=np.array([1.0, 0, -1.0]))
    steps = learn(Organiser(truth, 3), held, scores, labels, *loop(steps=6)).steps
    assert len(steps) > 1
    for before, step in pairwise(steps):
        weights = before.weights.copy()
        for model, c, old, new in step.changed:
            assert weights[model, c] == old != new
            weights[model, c] = new
        np.testing.assert_array_equal(weights, step.weights)
        assert step.reward == reward(step.emphasis, step.differences, step.accuracy)


def test_the_fit_to_the_feedback_set_by_hand():
    organiser = Organiser(np.array([1, 1, 1, 1]), 2)
    found = learn(organiser, HELD, ONE, np.array([0, 1]), *loop(steps=2, rate=2))
    fit = fit_to_feedback(found.weights, organiser, HELD, HELD, np.array([0, 0, 0, 1]))
    assert fit["with_feedback"] == (0.25, 1.0)
    assert fit["without_feedback"] == (1.0, 0.25)
    assert fit["excess"] == 1.5


def test_clips_that_were_not_judged_count_against_the_accuracy():
    assert accuracy_of(np.array([0, -1, 1, 1]), np.array([0, 0, 1, 0])) == 0.5
    held = HELD.copy()
    held[0, 3] = np.nan
    found = learn(Organiser(np.array([0, 0, 0, 1]), 2), held, ONE, np.array([0, 1]), *loop(steps=1))
    assert found.steps[0].feedback.predicted == (0.75, 0.0)


def test_step_one_without_a_proof_is_still_a_step():
    scores, labels = draw(2, models=3, clips=60, classes=5)
    held, truth = draw(3, models=3, clips=20, classes=5)
    found = learn(Organiser(truth, 5), held, scores, labels, *loop(steps=1, node_limit=1, candidates=(0.0, 1.0)))
    assert set(np.unique(found.steps[0].weights)) <= {0.0, 1.0}
