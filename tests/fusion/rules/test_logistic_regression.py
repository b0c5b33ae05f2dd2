"""logistic_regression against scikit-learn on the same rows."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit

from pipeline.fusion.rules import logistic_regression as plugin
from pipeline.protocols.held_out import deal

C = 1.5
PARAMS = plugin.Params(c=(C,))


def material(count: int = 90, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return two modalities that are right more often than not, and the truth."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    scores = np.stack(
        [
            0.5 * rng.dirichlet(np.ones(classes), count) + 0.5 * np.eye(classes)[rng.permutation(labels)]
            for _ in range(2)
        ]
    )
    for modality, share in zip(scores, (0.8, 0.6), strict=True):
        right = rng.random(count) < share
        modality[right] = 0.4 * rng.dirichlet(np.ones(classes), right.sum()) + 0.6 * np.eye(classes)[labels[right]]
    return scores, labels


def reference(rows: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    return LogisticRegression(C=C, max_iter=10000, tol=1e-9).fit(rows, labels).predict_proba(test)


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_it_is_scikit_learns(classes):
    (val, labels), (test, _) = material(classes=classes), material(30, classes, seed=1)
    state = plugin.fit(PARAMS, val, labels)
    assert sorted(state) == ["0", "0+1", "1"]
    np.testing.assert_allclose(plugin.fuse(test, state), reference(np.hstack(val), labels, np.hstack(test)), atol=1e-5)


def test_a_clip_that_lacks_a_modality_is_judged_by_the_regression_on_the_other():
    (val, labels), (test, _) = material(), material(6, seed=1)
    val[0, ::7] = val[1, 3::9] = np.nan
    test[1, 0] = test[0, 1] = np.nan
    found = plugin.fuse(test, plugin.fit(PARAMS, val, labels))
    has = ~np.isnan(val).any(axis=2)
    both = has.all(axis=0)
    np.testing.assert_allclose(found[0], reference(val[0][has[0]], labels[has[0]], test[0, :1])[0], atol=1e-5)
    np.testing.assert_allclose(found[1], reference(val[1][has[1]], labels[has[1]], test[1, 1:2])[0], atol=1e-5)
    rows = np.hstack(val[:, both])
    np.testing.assert_allclose(found[2:], reference(rows, labels[both], np.hstack(test[:, 2:])), atol=1e-5)


def test_a_clip_without_any_stays_nan():
    scores, labels = material()
    state = plugin.fit(PARAMS, scores, labels)
    assert np.isnan(plugin.fuse(np.full((2, 1, 3), np.nan), state)).all()


@pytest.mark.parametrize("present", [(0, 2), (1, 2), (0, 1, 3)])
def test_a_class_without_a_validation_clip_is_never_chosen(present):
    scores, labels = material(count=120, classes=4)
    kept = np.isin(labels, present)
    state = plugin.fit(PARAMS, scores[:, kept], labels[kept])
    found = plugin.fuse(scores, state)
    absent = [i for i in range(4) if i not in present]
    assert found[:, absent].max() < 1e-8
    rows = np.hstack(scores[:, kept])
    np.testing.assert_allclose(found[:, present], reference(rows, labels[kept], np.hstack(scores)), atol=1e-5)


@pytest.mark.parametrize("labels", [[1, 1, 1], []])
def test_fewer_than_two_classes_leave_the_mean(labels):
    rng = np.random.default_rng(0)
    val, test = rng.dirichlet(np.ones(3), (2, len(labels))), rng.dirichlet(np.ones(3), (2, 4))
    test[0, 1] = np.nan
    state = plugin.fit(PARAMS, val, np.array(labels, int))
    assert state == {}
    found = plugin.fuse(test, state)
    np.testing.assert_allclose(found[0], test[:, 0].mean(axis=0))
    np.testing.assert_allclose(found[1], test[1, 1])


def test_a_subset_that_no_validation_clip_has_is_left_out():
    scores, labels = material()
    scores[0] = np.nan
    state = plugin.fit(PARAMS, scores, labels)
    assert list(state) == ["1"]
    test, _ = material(3, seed=1)
    np.testing.assert_allclose(plugin.fuse(test, state), test.mean(axis=0))


def test_the_state_can_be_read():
    scores, labels = material()
    state = plugin.fit(PARAMS, scores, labels)
    assert json.loads(json.dumps(state)) == state
    for key, columns in (("0", 3), ("1", 3), ("0+1", 6)):
        assert state[key]["c"] == C
        assert np.shape(state[key]["coefficients"]) == (3, columns)
        assert np.shape(state[key]["intercepts"]) == (3,)


def test_the_better_modality_weighs_more():
    scores, labels = material(600)
    coefficients = np.array(plugin.fit(PARAMS, scores, labels)["0+1"]["coefficients"])
    assert np.abs(coefficients[:, :3]).sum() > np.abs(coefficients[:, 3:]).sum()


def test_fusion_beats_either_modality_here():
    (val, labels), (test, truth) = material(600), material(600, seed=1)
    right = (plugin.fuse(test, plugin.fit(PARAMS, val, labels)).argmax(axis=1) == truth).mean()
    assert right > max((modality.argmax(axis=1) == truth).mean() for modality in test) - 0.01


CANDIDATES = (0.01, 0.1, 1.0, 10.0, 100.0)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "classes", "seed"), [(60, 3, 0), (28, 7, 1), (20, 2, 0), (20, 2, 1)])
def test_c_is_the_one_that_scikit_learn_would_choose(count, classes, seed):
    scores, labels = material(count, classes, seed)
    rows = np.hstack(scores)
    split = PredefinedSplit(deal(labels))

    def held_out_loss(c: float) -> float:
        model = LogisticRegression(C=c, max_iter=10000, tol=1e-9)
        losses = [
            len(test)
            * log_loss(
                labels[test], model.fit(rows[train], labels[train]).predict_proba(rows[test]), labels=range(classes)
            )
            for train, test in split.split()
        ]
        return sum(losses) / len(labels)

    expected = min(CANDIDATES, key=held_out_loss)
    assert plugin.choose_c(CANDIDATES, rows, labels, deal(labels)) == expected
    state = plugin.fit(plugin.Params(c=CANDIDATES), scores, labels)
    assert state["0+1"]["c"] == expected
    assert state == plugin.fit(plugin.Params(c=CANDIDATES[::-1]), scores, labels), "in whatever order they are given"


def test_noise_asks_for_a_strong_penalty_and_clean_posteriors_for_a_weak_one():
    rng, labels = np.random.default_rng(0), np.arange(60) % 3
    assert plugin.choose_c(CANDIDATES, rng.dirichlet(np.ones(3), 60), labels, deal(labels)) == 0.01
    assert plugin.choose_c(CANDIDATES, 0.9 * np.eye(3)[labels] + 0.1 / 3, labels, deal(labels)) == 100


def test_of_equals_the_smaller():
    """The same posteriors for every clip say nothing: no coefficient helps, whatever the penalty."""
    labels = np.arange(20) % 2
    assert plugin.choose_c((10.0, 0.1, 1.0), np.full((20, 3), 1 / 3), labels, deal(labels)) == 0.1


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 0, 1], [0, 0, 0, 1, 2], [0, 0, 0, 0]])
def test_too_few_clips_to_cross_validate_leave_the_smallest(labels):
    rows = np.random.default_rng(0).dirichlet(np.ones(3), len(labels))
    assert plugin.choose_c(CANDIDATES, rows, np.array(labels), deal(np.array(labels))) == 0.01


def test_a_class_with_a_single_clip_has_no_say():
    scores, labels = material(60)
    rows = np.hstack(scores)
    alone = np.concatenate([rows, [[0.2, 0.2, 0.6, 0.9, 0.1, 0]]]), np.append(labels, 7)
    chosen = plugin.choose_c(CANDIDATES, *alone, deal(alone[1]))
    assert chosen == plugin.choose_c(CANDIDATES, rows, labels, deal(labels))


def test_c_is_chosen_on_speakers_that_it_has_not_learned_from():
    """Each speaker has an own way to show an emotion: known again, it asks for a weak penalty, unknown for a strong."""
    rng = np.random.default_rng(0)
    speakers, labels = np.repeat(list("abcdef"), 12), np.tile(np.arange(3), 24)
    turned = {name: rng.permutation(np.eye(9)[:3]) for name in "abcdef"}
    shown = np.array(
        [
            turned[name][label] @ np.roll(np.eye(9), ord(name), axis=1)
            for name, label in zip(speakers, labels, strict=True)
        ]
    )
    scores = (0.9 * shown + 0.1 / 9)[None]
    params = plugin.Params(c=CANDIDATES)
    by_clip, by_speaker = plugin.fit(params, scores, labels), plugin.fit(params, scores, labels, speakers)
    assert by_speaker["0"]["c"] < by_clip["0"]["c"]


@pytest.mark.parametrize("speakers", ["aaabbb", "aabbcc"])
def test_a_speaker_whose_absence_leaves_one_class_has_no_say(speakers):
    labels = np.array([0, 0, 1, 1, 1, 1] if speakers == "aaabbb" else [0, 1, 1, 1, 0, 1])
    rows = np.random.default_rng(0).dirichlet(np.ones(2), (1, 6))
    state = plugin.fit(plugin.Params(c=CANDIDATES), rows, labels, list(speakers))
    assert state["0"]["c"] in CANDIDATES


def test_a_class_with_a_single_clip_is_learned_all_the_same():
    scores, labels = material(41, 4)
    kept = (labels != 3) | (np.arange(41) == 3)
    state = plugin.fit(plugin.Params(c=CANDIDATES), scores[:, kept], labels[kept])
    assert min(state["0+1"]["intercepts"]) > -20


@pytest.mark.parametrize("c", [(), (0.0,), (1.0, -1.0), 1.0, ("much",)])
def test_candidates_that_are_none(c):
    with pytest.raises(ValidationError):
        plugin.Params(c=c)
