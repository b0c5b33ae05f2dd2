"""svm: choice of C, calibration, file; scikit-learn and SciPy as the reference."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import svm
from pipeline.training.datasets import Dataset


def functionals(data: Dataset) -> np.ndarray:
    return np.stack([svm.row(None, sequence) for sequence in data.sequences])


def test_functionals_by_hand():
    data = Dataset(
        ["a", "b"], [np.array([[1, 2], [3, 6]], np.float32), np.array([[5, 5]], np.float32)], np.array([0, 1])
    )
    np.testing.assert_array_equal(functionals(data), [[2, 4, 1, 2], [5, 5, 0, 0]])


@pytest.mark.parametrize(("classes", "balanced"), [((0, 1, 2), True), ((0, 1, 2), False), ((0, 1), True)])
def test_decisions_are_scikit_learns(classes, balanced):
    train, test = toy(60, 0, classes, shift=0.8), toy(40, 2, classes, shift=0.8)
    found = fitted("svm", train, toy(24, 1, classes), c=(0.1,), balanced=balanced)[0].predict(test)
    scaler = StandardScaler().fit(functionals(train))
    model = SVC(kernel="linear", C=0.1, class_weight="balanced" if balanced else None)
    model.fit(scaler.transform(functionals(train)), train.labels)
    rows = scaler.transform(functionals(test))
    scores = model.decision_function(rows)
    expected = scores.argmax(axis=1) if scores.ndim == 2 else (scores > 0).astype(int)
    np.testing.assert_array_equal(found.argmax(axis=1), expected)


def test_the_best_c_on_validation_is_taken_the_first_of_equals():
    train, val = toy(30, 0, shift=0.5), toy(60, 1, shift=0.5)
    classifier, history = fitted("svm", train, val, c=(1e-6, 0.01, 0.1, 10.0))
    assert [row["c"] for row in history] == [1e-6, 0.01, 0.1, 10.0]
    best = max(row["val_accuracy"] for row in history)
    first = next(row["c"] for row in history if row["val_accuracy"] == best)
    assert first == classifier.model.C
    assert (classifier.predict(val).argmax(axis=1) == val.labels).mean() == pytest.approx(best, abs=1e-6)


def test_the_temperature_is_the_best_on_validation():
    train, val = toy(60, 0, shift=0.5), toy(90, 1, shift=0.5)
    classifier, _ = fitted("svm", train, val)
    scores = classifier.model.decision_function(classifier.scaler(functionals(val)))

    def loss(temperature: float) -> float:
        return -log_softmax(scores / temperature, axis=1)[np.arange(len(val)), val.labels].mean()

    grid = np.exp(np.linspace(-3, 3, 301))
    assert loss(classifier.temperature) <= min(map(loss, grid)) + 1e-5
    np.testing.assert_allclose(classifier.predict(val), softmax(scores / classifier.temperature, axis=1))


def test_the_file_gives_the_same_posteriors(tmp_path):
    classifier, _ = fitted("svm", toy(30, 0), toy(12, 1))
    classifier.save(tmp_path / "fold-00")
    content = np.load(tmp_path / "fold-00.npz", allow_pickle=False)
    test = toy(9, 2)
    rows = np.clip((functionals(test) - content["mean"]) / content["scale"], -10, 10)
    pairs = rows @ content["planes"].T + content["offsets"]
    np.testing.assert_allclose(
        pairs, classifier.model.set_params(decision_function_shape="ovo").decision_function(rows), atol=1e-9
    )
    scores = classifier.model.set_params(decision_function_shape="ovr").decision_function(rows)
    np.testing.assert_allclose(classifier.predict(test), softmax(scores / content["temperature"], axis=1))
