"""logistic: scikit-learn as the reference; C by log loss over training and validation speakers; what it hands on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.preprocessing import StandardScaler

from helpers import segments as corpus
from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import logistic
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.core.posteriors import class_scores, probabilities, read_table
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.protocols.leakage import part_keys
from pipeline.training.datasets import Dataset, joined

VALUES = (0.001, 0.1, 10.0)


def rows(data: Dataset) -> np.ndarray:
    return np.stack([np.r_[s.mean(0), s.std(0)] for s in data.sequences]).astype(float)


def spoken(data: Dataset, names: str) -> Dataset:
    """The clips by speakers, in turn; `names` has a letter each."""
    return replace(data, speakers=[names[i // 3 % len(names)] for i in range(len(data))])


def expected(c: float, clips: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    scaler = StandardScaler().fit(clips)
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=10_000, tol=1e-6)
    return model.fit(scaler.transform(clips), labels).predict_proba(scaler.transform(asked))


@pytest.mark.parametrize("classes", [(0, 1, 2), (0, 2)])
def test_posteriors_are_scikit_learns(classes, tmp_path):
    train, val, test = (toy(60, seed, classes, shift=0.8) for seed in range(3))
    classifier, history = fitted("logistic", train, val, c=(0.1,), balanced=True)
    assert [row["c"] for row in history] == [0.1]
    found = classifier.predict(test)
    np.testing.assert_allclose(found[:, list(classes)], expected(0.1, rows(train), train.labels, rows(test)), atol=1e-4)
    assert (found[:, [c for c in range(3) if c not in classes]] == 0).all()
    classifier.save(tmp_path / "fold-00")
    again = type(classifier)(classifier.params, 3)
    again.load(tmp_path / "fold-00")
    assert np.array_equal(again.predict(test), found)


def held_out(data: Dataset) -> np.ndarray:
    """Posteriors (candidates, N, C) of a loop over speakers in plain scikit-learn."""
    found, clips = np.zeros((len(VALUES), len(data), 3)), rows(data)
    for rest, held in LeaveOneGroupOut().split(clips, groups=data.speakers):
        for at, c in enumerate(VALUES):
            found[at, held] = expected(c, clips[rest], data.labels[rest], clips[held])
    return found


def test_c_has_the_least_log_loss_when_one_training_or_validation_speaker_after_the_other_is_left_out():
    train, val = spoken(toy(45, 0, shift=0.4), "abc"), spoken(toy(18, 1, shift=0.4), "xy")
    classifier, history = fitted("logistic", train, val, c=VALUES)
    both = joined(train, val)
    found = held_out(both)
    losses = -np.log(np.maximum(found[:, np.arange(len(both)), both.labels], logistic._LEAST))
    np.testing.assert_allclose([row["val_loss"] for row in history], losses.mean(axis=1), atol=2e-4)
    assert classifier.chosen == VALUES[losses.mean(axis=1).argmin()]
    speakers, own = np.array(both.speakers), np.vstack([classifier.out_of_fold[0], classifier.validated[0]])
    for name in "abcxy":  # each has been judged with the C that the others choose
        clips = speakers == name
        best = losses[:, ~clips].mean(axis=1).argmin()
        np.testing.assert_allclose(own[clips], found[best][clips], atol=1e-4)


def test_refit_learns_from_both():
    train, val, test = spoken(toy(45, 0), "abc"), spoken(toy(18, 1), "xy"), toy(9, 2)
    classifier, _ = fitted("logistic", train, val, c=VALUES)
    both = joined(train, val)
    classifier.refit(both)
    reference = expected(classifier.chosen, rows(both), both.labels, rows(test))
    np.testing.assert_allclose(classifier.predict(test), reference, atol=1e-4)


def test_of_a_feature_that_was_learned_from_training_clips_validation_clips_alone_judge():
    train, val = spoken(toy(45, 0, shift=0.4), "abc"), spoken(toy(18, 1, shift=0.4), "xy")
    classifier, history = fitted("logistic", replace(train, learned=True), val, c=VALUES)
    found = np.array([expected(c, rows(train), train.labels, rows(val)) for c in VALUES])
    losses = -np.log(found[:, np.arange(len(val)), val.labels]).mean(axis=1)
    np.testing.assert_allclose([row["val_loss"] for row in history], losses, atol=2e-4)
    assert np.isnan(classifier.out_of_fold[0]).all()
    assert np.isfinite(classifier.validated[0]).all()


def test_a_single_speaker_and_no_validation_clips():
    classifier, history = fitted("logistic", spoken(toy(30, 0), "a"), toy(3, 1).some(()), c=VALUES)
    assert len(history) == len(VALUES)
    assert np.isfinite(classifier.out_of_fold[0]).all()
    assert classifier.validated[0].shape == (0, 3)


def run(tmp_path, levels: dict | None = None):
    """Posteriors of a feature on a small corpus; with levels it was learned per fold."""
    found = []
    for level in levels or [""]:
        for number, clip in enumerate(corpus.clips()):
            values = np.random.default_rng(number).standard_normal((4, 2)).astype(np.float32)
            clip_id = f"{level}/{clip.clip_id}" if level else clip.clip_id
            found.append((clip_id, ClipFeatures(values, np.arange(4) / 10, np.ones(4, bool))))
    notes = part_keys(levels, [clip.clip_id for clip in corpus.clips()]) if levels else None
    write_features(tmp_path / "toy.h5", FeatureMeta("toy", 2, "float32"), sorted(found, key=lambda one: one[0]), notes)
    params = logistic.Params(c=VALUES, balanced=True)
    recipe = FeatureRecipe.of(logistic, params, tmp_path / "toy.h5", None, "train.logistic")
    cross_validate("toy-logistic", recipe, corpus.clips(), corpus.folds(), (), tmp_path / "out", 1)
    return read_table(tmp_path / "out" / "posteriors.csv")


def test_training_clips_have_rows_by_models_that_have_not_met_their_speakers(tmp_path):
    table, folds = run(tmp_path), corpus.folds()
    for name, fold in folds.items():
        own = table[table["fold"] == name]
        for part in ("train", "val", "test"):
            found = own[own["part"] == part]
            assert sorted(found["clip_id"]) == sorted(i for i, its in fold.items() if its == part)
            classes = sorted({clip.emotion for clip in corpus.clips()})
            np.testing.assert_allclose(probabilities(found, classes).sum(axis=1), 1, atol=1e-5)
            assert class_scores(found, classes) is not None


def test_training_clips_have_no_rows_where_the_feature_was_learned_from_them(tmp_path):
    assert set(run(tmp_path, corpus.folds())["part"]) == {"val", "test"}
