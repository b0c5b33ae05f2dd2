"""What every classifier plugin promises (`pipeline/classification/classifiers/__init__.py`), on a toy set."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from helpers.classifiers import SETTINGS, fitted, source_weights, toy
from pipeline.core import plugins
from pipeline.core.errors import ArtifactError
from pipeline.core.settings import Settings
from pipeline.training.datasets import Dataset

NAMES = plugins.names("classifiers")


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def finite(rows: list[dict]) -> bool:
    """Return whether all numbers of a history are."""
    return bool(np.isfinite([value for row in rows for value in row.values() if not isinstance(value, str)]).all())


@pytest.fixture(scope="module", params=NAMES)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def learned(name):
    torch.set_num_threads(1)
    return fitted(name, toy(60, 0), toy(24, 1))


@pytest.fixture(scope="module", params=[(0, 2), (0, 1, 3)], ids=str)
def lacking(request, name):
    """A classifier of four classes of which it has met these alone."""
    torch.set_num_threads(1)
    return fitted(name, toy(60, 0, request.param), toy(24, 1, request.param), classes=4)[0], request.param


def test_docstring_and_params(name):
    plugin = plugins.load("classifiers", name)
    assert plugin.__doc__.startswith(f"{name}: ")
    assert re.search(r"\d{4}", plugin.__doc__), "the publication behind it"
    assert issubclass(plugin.Params, Settings)
    assert plugin.Params.model_config["frozen"]
    with pytest.raises(ValidationError):
        plugin.Params(**SETTINGS[name], nobody_knows=1)


def test_it_learns_a_separable_set(learned):
    test = toy(60, 2)
    assert (learned[0].predict(test).argmax(axis=1) == test.labels).mean() >= 0.9


def test_the_history_is_a_table(learned):
    rows = learned[1]
    assert len(rows) >= 1
    assert all(row.keys() == rows[0].keys() for row in rows)
    assert finite(rows)


def test_rows_are_posteriors(learned):
    found = learned[0].predict(toy(30, 3))
    assert found.shape == (30, 3)
    assert found.dtype == np.float64
    assert (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


def test_the_same_seed_gives_the_same_posteriors(name, learned):
    torch.manual_seed(12345)
    np.random.seed(1)
    again, history = fitted(name, toy(60, 0), toy(24, 1))
    np.testing.assert_array_equal(again.predict(toy(30, 3)), learned[0].predict(toy(30, 3)))
    assert history == learned[1]


def test_a_prediction_does_not_hang_on_the_other_clips(learned):
    test = toy(12, 4)
    together = learned[0].predict(test)
    backwards = Dataset(test.ids[::-1], test.sequences[::-1], test.labels[::-1])
    np.testing.assert_array_equal(learned[0].predict(backwards)[::-1], together)
    for number in range(len(test)):
        alone = Dataset([test.ids[number]], [test.sequences[number]], test.labels[number : number + 1])
        np.testing.assert_array_equal(learned[0].predict(alone)[0], together[number])


def test_labels_of_test_clips_change_nothing(learned):
    test = toy(20, 5)
    shuffled = dataclasses.replace(test, labels=np.random.default_rng(0).permutation(test.labels))
    np.testing.assert_array_equal(learned[0].predict(test), learned[0].predict(shuffled))


def test_predicting_leaves_the_classifier_and_the_clips_alone(learned):
    test = toy(8, 6)
    before = [sequence.copy() for sequence in test.sequences]
    first = learned[0].predict(test)
    np.testing.assert_array_equal(learned[0].predict(test), first)
    for sequence, old in zip(test.sequences, before, strict=True):
        np.testing.assert_array_equal(sequence, old)


def test_no_clips(learned):
    assert learned[0].predict(Dataset([], [], np.zeros(0, np.int64))).shape == (0, 3)


def test_a_class_that_training_lacks(name, lacking):
    classifier, present = lacking
    test = toy(40, 2, present)
    found = classifier.predict(test)
    absent = [label for label in range(4) if label not in present]
    assert (found[:, absent] == 0).all() if name == "svm" else found[:, absent].mean() < 0.05
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert (found.argmax(axis=1) == test.labels).mean() >= 0.9


def test_a_class_that_only_validation_and_test_have(name):
    classifier, history = fitted(name, toy(40, 0, (0, 2)), toy(12, 1), classes=3)
    found = classifier.predict(toy(40, 2))
    assert np.isfinite(found).all()
    assert (found.argmax(axis=1) != 1).all(), "nobody taught it that class"
    assert finite(history)


def test_validation_of_classes_that_training_lacks_alone(name):
    classifier, history = fitted(name, toy(16, 0, (0, 1)), toy(8, 1, (2,)))
    assert np.isfinite(classifier.predict(toy(6, 2))).all()
    assert finite(history)


@pytest.mark.parametrize("length", [1, 2, 3000])
def test_clips_of_very_different_lengths(learned, length):
    sequence = np.random.default_rng(0).standard_normal((length, 5)).astype(np.float32)
    sequence[:, 1] += 2
    found = learned[0].predict(Dataset(["x"], [sequence], np.array([1])))
    assert np.isfinite(found).all()
    assert length == 1 or found.argmax() == 1


def test_a_column_that_never_changes_and_one_that_explodes(name):
    train, val = toy(24, 0), toy(12, 1)
    for data in (train, val):
        for sequence in data.sequences:
            sequence[:, 4] = 7
    classifier, _ = fitted(name, train, val)
    test = toy(30, 2)
    for sequence in test.sequences:
        sequence[:, 4] = 1e20
    found = classifier.predict(test)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


def test_scale_and_offset_of_a_feature_do_not_matter(name, learned):
    if name == "fine_tuned":
        pytest.skip("its layers take rows as the layers below them give them")

    def moved(data: Dataset) -> Dataset:
        return dataclasses.replace(data, sequences=[(1000 * s + 50_000).astype(np.float32) for s in data.sequences])

    other, _ = fitted(name, moved(toy(60, 0)), moved(toy(24, 1)))
    np.testing.assert_allclose(other.predict(moved(toy(30, 2))), learned[0].predict(toy(30, 2)), atol=0.1)


def test_save_writes_one_whole_file(learned, tmp_path, name):
    learned[0].save(tmp_path / "deeper" / "fold-00")
    assert [path.stem for path in (tmp_path / "deeper").iterdir()] == ["fold-00"]
    first = next((tmp_path / "deeper").iterdir()).read_bytes()
    learned[0].save(tmp_path / "again" / "fold-00")
    assert next((tmp_path / "again").iterdir()).read_bytes() == first


def test_what_is_loaded_says_the_same(name, learned, tmp_path):
    learned[0].save(tmp_path / "fold-00")
    plugin = plugins.load("classifiers", name)
    weights = (source_weights(name),) if getattr(plugin, "WEIGHTS", False) else ()
    again = plugin.Classifier(plugin.Params(**SETTINGS[name]), 3, *weights)
    again.load(tmp_path / "fold-00")
    test = toy(30, 3)
    np.testing.assert_allclose(again.predict(test), learned[0].predict(test), rtol=0, atol=1e-12)
    if hasattr(again, "scores"):
        np.testing.assert_allclose(again.scores(test), learned[0].scores(test), rtol=0, atol=1e-9)


def test_what_is_loaded_knows_which_classes_training_lacked(name, lacking, tmp_path):
    classifier, _ = lacking
    classifier.save(tmp_path / "fold-00")
    plugin = plugins.load("classifiers", name)
    weights = (source_weights(name),) if getattr(plugin, "WEIGHTS", False) else ()
    again = plugin.Classifier(plugin.Params(**SETTINGS[name]), 4, *weights)
    again.load(tmp_path / "fold-00")
    np.testing.assert_allclose(again.predict(toy(20, 2)), classifier.predict(toy(20, 2)), rtol=0, atol=1e-12)


def test_a_model_that_is_not_there_or_damaged(name, learned, tmp_path):
    plugin = plugins.load("classifiers", name)
    weights = (source_weights(name),) if getattr(plugin, "WEIGHTS", False) else ()
    again = plugin.Classifier(plugin.Params(**SETTINGS[name]), 3, *weights)
    with pytest.raises(ArtifactError, match="no such model; run `dvc repro`"):
        again.load(tmp_path / "fold-00")
    learned[0].save(tmp_path / "fold-00")
    file = next(tmp_path.iterdir())
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ArtifactError, match="damaged"):
        again.load(tmp_path / "fold-00")
