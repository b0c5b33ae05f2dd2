"""svm: choice of C, decision values, posteriors over speakers, file; scikit-learn as the reference."""

from __future__ import annotations

import dataclasses
from itertools import combinations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import svm
from pipeline.classification.svm_probabilities import coupled, sigmoid, temperature_of, tempered
from pipeline.training.datasets import Dataset


def functionals(data: Dataset) -> np.ndarray:
    return np.stack([svm.row(None, sequence) for sequence in data.sequences])


def spoken(data: Dataset, speakers: str) -> Dataset:
    """Return the same clips with speakers in turn, in blocks of three clips."""
    return dataclasses.replace(data, speakers=[speakers[i // 3 % len(speakers)] for i in range(len(data))])


def reference(train: Dataset, c: float, balanced: bool = True) -> tuple[SVC, StandardScaler]:
    scaler = StandardScaler().fit(functionals(train))
    weights = "balanced" if balanced else None
    model = SVC(kernel="linear", C=c, class_weight=weights, decision_function_shape="ovo")
    return model.fit(scaler.transform(functionals(train)), train.labels), scaler


def test_functionals_by_hand():
    data = Dataset(
        ["a", "b"], [np.array([[1, 2], [3, 6]], np.float32), np.array([[5, 5]], np.float32)], np.array([0, 1])
    )
    np.testing.assert_array_equal(functionals(data), [[2, 4, 1, 2], [5, 5, 0, 0]])


@pytest.mark.parametrize(("classes", "balanced"), [((0, 1, 2), True), ((0, 1, 2), False), ((0, 2), True)])
def test_scores_are_the_mean_margins_of_scikit_learns_pairs_and_no_counts(classes, balanced):
    train, test = toy(60, 0, classes, shift=0.8), toy(40, 2, classes, shift=0.8)
    found = fitted("svm", train, toy(24, 1, classes), c=(0.1,), balanced=balanced)[0].scores(test)
    model, scaler = reference(train, 0.1, balanced)
    pairs = model.decision_function(scaler.transform(functionals(test)))
    expected = np.full((40, 3), -np.inf)
    if len(classes) == 2:  # scikit-learn favours the second
        expected[:, classes] = np.stack([-pairs, pairs], 1)
    else:
        expected[:, 0], expected[:, 1] = (pairs[:, 0] + pairs[:, 1]) / 2, (pairs[:, 2] - pairs[:, 0]) / 2
        expected[:, 2] = -(pairs[:, 1] + pairs[:, 2]) / 2
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_the_best_c_on_validation_is_taken_the_first_of_equals():
    train, val = toy(30, 0, shift=0.5), toy(60, 1, shift=0.5)
    classifier, history = fitted("svm", train, val, c=(1e-6, 0.01, 0.1, 10.0))
    assert [row["c"] for row in history] == [1e-6, 0.01, 0.1, 10.0]
    best = max(row["val_accuracy"] for row in history)
    first = next(row["c"] for row in history if row["val_accuracy"] == best)
    alone, _ = fitted("svm", train, val, c=(first,))
    np.testing.assert_array_equal(classifier.predict(val), alone.predict(val))
    assert (classifier.predict(val).argmax(axis=1) == val.labels).mean() == pytest.approx(best, abs=1e-6)


def over_speakers(train: Dataset, test: Dataset, c: float) -> np.ndarray:
    """Return posteriors of test clips by their definition: a sigmoid per pair, on margins of unknown speakers."""
    model, scaler = reference(train, c)
    rows, speakers = scaler.transform(functionals(train)), np.array(train.speakers)
    margins = np.zeros((len(train), 3))
    for name in set(train.speakers):
        held = speakers == name
        one = SVC(kernel="linear", C=c, class_weight="balanced", decision_function_shape="ovo")
        margins[held] = one.fit(rows[~held], train.labels[~held]).decision_function(rows[held])
    pairs = model.decision_function(scaler.transform(functionals(test)))
    for column, pair in enumerate(combinations(range(3), 2)):
        chosen = np.isin(train.labels, pair)
        slope, offset = sigmoid(margins[chosen, column], train.labels[chosen] == pair[0])
        pairs[:, column] = expit(slope * pairs[:, column] + offset)
    return coupled(pairs, 3)


def test_posteriors_are_fitted_over_training_speakers():
    train, test = spoken(toy(60, 0, shift=0.6), "abcd"), toy(20, 2, shift=0.6)
    val = toy(24, 1, shift=0.6)
    classifier, _ = fitted("svm", train, val, c=(0.1,), probabilities="pairwise")
    np.testing.assert_allclose(classifier.predict(test), over_speakers(train, test, 0.1), atol=2e-3)
    other, _ = fitted("svm", dataclasses.replace(train, speakers=()), val, c=(0.1,), probabilities="pairwise")
    assert np.abs(other.predict(test) - classifier.predict(test)).max() > 1e-3, "by clips they are others"


def test_tempered_posteriors_decide_alike_and_suit_validation_clips_better():
    train, val, test = spoken(toy(60, 0, shift=0.6), "abcd"), toy(24, 1, shift=0.2), toy(20, 2, shift=0.6)
    plain, warm = (fitted("svm", train, val, c=(0.1,), probabilities=p)[0] for p in ("pairwise", "tempered"))
    np.testing.assert_array_equal(plain.predict(test).argmax(1), warm.predict(test).argmax(1))
    temperature = temperature_of(plain.predict(val), val.labels)
    assert temperature != 1
    np.testing.assert_allclose(warm.predict(test), tempered(plain.predict(test), temperature))


def test_labels_of_validation_clips_do_not_touch_pairwise_posteriors():
    train, val, test = spoken(toy(60, 0, shift=0.6), "abcd"), toy(24, 1), toy(20, 2)
    turned = dataclasses.replace(val, labels=(val.labels + 1) % 3)
    one, other = (fitted("svm", train, v, c=(0.1,), probabilities="pairwise")[0] for v in (val, turned))
    np.testing.assert_array_equal(one.predict(test), other.predict(test))


def test_a_class_of_one_speaker_still_has_posteriors():
    """Without that speaker no machine of the class can be had: the clip has no margin that counts."""
    train = toy(30, 0)
    train = dataclasses.replace(
        train, speakers=["a" if label == 2 else "bc"[i % 2] for i, label in enumerate(train.labels)]
    )
    classifier, _ = fitted("svm", train, toy(12, 1))
    test = toy(30, 2)
    assert (classifier.predict(test).argmax(1) == test.labels).mean() > 0.9


def test_posteriors_of_validation_clips_come_from_what_the_other_speakers_choose():
    """One of three speakers prefers another C than the others: the own preference must not count."""
    train, val = spoken(toy(60, 0, shift=0.4), "abcd"), spoken(toy(45, 1, shift=0.4), "xyz")
    speakers, candidates = np.array(val.speakers), (1e-5, 1e-3, 0.1, 10.0)
    each = [fitted("svm", train, val, c=(c,), probabilities="pairwise")[0].predict(val) for c in candidates]
    right = np.array([one.argmax(1) == val.labels for one in each])
    classifier, _ = fitted("svm", train, val, c=candidates, probabilities="pairwise")
    posteriors, scores = classifier.validated
    for name in "xyz":
        held = speakers == name
        chosen = int(right[:, ~held].mean(axis=1).argmax())
        np.testing.assert_array_equal(posteriors[held], each[chosen][held])
    assert scores.shape == posteriors.shape
    assert len({int(right[:, speakers != name].mean(axis=1).argmax()) for name in "xyz"}) > 1, "they do differ here"


@pytest.mark.parametrize("probabilities", ["pairwise", "tempered"])
def test_the_file_gives_the_same_bytes(tmp_path, probabilities):
    classifier, _ = fitted("svm", spoken(toy(30, 0), "abc"), toy(12, 1), probabilities=probabilities)
    classifier.save(tmp_path / "fold-00")
    test, again = toy(9, 2), svm.Classifier(classifier.params, 3)
    again.load(tmp_path / "fold-00")
    np.testing.assert_array_equal(again.predict(test), classifier.predict(test))
    np.testing.assert_array_equal(again.scores(test), classifier.scores(test))
    content = np.load(tmp_path / "fold-00.npz", allow_pickle=False)
    rows = np.clip((functionals(test) - content["mean"]) / content["scale"], -10, 10)
    pairs = rows @ content["planes"].T + content["offsets"]
    said = coupled(expit(pairs * content["sigmoids"][:, 0] + content["sigmoids"][:, 1]), 3)
    np.testing.assert_allclose(classifier.predict(test), tempered(said, float(content["temperature"])), atol=1e-9)
