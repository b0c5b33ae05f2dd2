"""linear_svm and linear_svm_max: how segments are pooled, how columns are scaled; scikit-learn as the reference."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import linear_svm, linear_svm_max

POOLS = {"linear_svm": np.mean, "linear_svm_max": np.max}
SCALERS = {"deviation": StandardScaler(), "range": MinMaxScaler((-1, 1))}


def test_rows_by_hand():
    segments = np.array([[1, 2], [3, -6]], np.float32)
    assert linear_svm_max.row(None, segments).tolist() == [3, 2]
    for pooling, expected in (("average", [2, -2]), ("max", [3, 2])):
        params = linear_svm.Params(c=(1.0,), balanced=False, pooling=pooling)
        assert linear_svm.row(params, segments).tolist() == expected


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("scaling", SCALERS)
def test_the_machine_takes_pooled_rows_scaled_by_the_training_clips(name, scaling, tmp_path):
    """Those of the test, too, which the authors scale by themselves; and so does what was saved."""
    train, val, test = (toy(60, seed, shift=0.8) for seed in range(3))
    classifier, _ = fitted(name, train, val, c=(0.1,), balanced=False, scaling=scaling)
    pooled = [np.stack([POOLS[name](s.astype(np.float64), axis=0) for s in data.sequences]) for data in (train, test)]
    expected = SCALERS[scaling].fit(pooled[0]).transform(pooled[1])
    np.testing.assert_allclose(classifier.inputs(test), expected, atol=1e-5)
    classifier.save(tmp_path / "fold-00")
    again = type(classifier)(classifier.params, 3)
    again.load(tmp_path / "fold-00")
    np.testing.assert_allclose(again.inputs(test), expected, atol=1e-5)
    np.testing.assert_allclose(again.predict(test), classifier.predict(test), atol=1e-6)


def test_the_range_of_the_training_clips_becomes_minus_one_to_one():
    train = toy(40, 0)
    classifier, _ = fitted("linear_svm", train, toy(20, 1), scaling="range")
    scaled = classifier.inputs(train)
    np.testing.assert_allclose([scaled.min(axis=0), scaled.max(axis=0)], [[-1] * 5, [1] * 5], atol=1e-5)


@pytest.mark.parametrize("name", ["svm", "linear_svm"])
def test_a_machine_that_names_one_class_is_not_chosen_for_its_share(name):
    """Seen on real clips: of a speaker who is angry half the time, a C so low that most clips were named angry had the
    best accuracy. Where classes are weighed, they are in the choice, too.
    """
    train = some_of_each(toy(900, 1, shift=0.5), (70, 25, 5))
    val = some_of_each(toy(900, 2, shift=0.5), (10, 80, 10))
    classifier, rows = fitted(name, train, val, c=(1e-9, 1e-4), balanced=True)
    lazy, better = rows
    assert lazy["val_accuracy"] > 0.7 > better["val_accuracy"]
    assert lazy["val_uar"] < better["val_uar"]
    assert classifier.chosen == 1e-4


def some_of_each(data, counts):
    """The first clips of every class, as many as counted."""
    taken = [np.flatnonzero(data.labels == label)[:count] for label, count in enumerate(counts)]
    return data.some(np.sort(np.concatenate(taken)))
