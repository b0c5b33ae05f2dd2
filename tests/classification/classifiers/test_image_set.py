"""image_set: every descriptor and machine on the toy set, few clips, single frames; scikit-learn and SciPy as the
reference.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.linalg import logm
from sklearn.svm import SVC

from helpers.classifiers import SETTINGS, fitted, toy
from pipeline.classification.classifiers import image_set
from pipeline.core.errors import LeakageError
from pipeline.training.datasets import Dataset

KINDS = [
    {"descriptor": "subspace", "kernel": "projection"},
    {"descriptor": "subspace", "kernel": "projection_rbf"},
    {"descriptor": "covariance", "kernel": "log_euclidean"},
    {"descriptor": "covariance", "kernel": "log_euclidean_rbf"},
    {"descriptor": "gaussian", "kernel": "log_euclidean"},
    {"descriptor": "gaussian", "kernel": "log_euclidean_rbf"},
]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind['descriptor']}-{kind['kernel']}")
every_model = pytest.mark.parametrize("model", ["svm", "pls"])


def varied(count: int, seed: int, classes: tuple[int, ...] = (0, 1, 2), part: str = "train") -> Dataset:
    """Return clips of 8 to 24 frames; each class is larger, and varies more, along its own column."""
    rng = np.random.default_rng(seed)
    labels = np.array([classes[i % len(classes)] for i in range(count)])
    sequences = []
    for label in labels:
        frames = rng.standard_normal((rng.integers(8, 25), 5)).astype(np.float32)
        frames[:, label] = 4 * frames[:, label] + 4
        sequences.append(frames)
    return Dataset([f"c{i:03d}" for i in range(count)], sequences, labels, part)


def single(count: int, seed: int) -> Dataset:
    data = varied(count, seed)
    return dataclasses.replace(data, sequences=[frames[:1] for frames in data.sequences])


@every_kind
@every_model
def test_every_descriptor_and_machine_learns(kind, model):
    classifier, history = fitted("image_set", varied(45, 0), varied(24, 1), **kind, model=model)
    test = varied(45, 2)
    found = classifier.predict(test)
    assert (found.argmax(axis=1) == test.labels).mean() >= 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    candidates = {"svm": ("c", SETTINGS["image_set"]["c"]), "pls": ("latent", SETTINGS["image_set"]["latent"])}[model]
    assert [row[candidates[0]] for row in history] == list(candidates[1])


@pytest.mark.parametrize("kernel", ["projection", "projection_rbf"])
def test_a_subspace_of_variation_alone(kernel):
    kind = {"descriptor": "subspace", "kernel": kernel, "centred": True, "rank": 1}
    classifier, _ = fitted("image_set", varied(45, 0), varied(24, 1), **kind)
    test = varied(45, 2)
    assert (classifier.predict(test).argmax(axis=1) == test.labels).mean() >= 0.8


@pytest.mark.parametrize("kind", [(k, d) for k in ("projection", "projection_rbf") for d in ("covariance", "gaussian")])
def test_a_kernel_that_does_not_fit_the_descriptor(kind):
    kernel, descriptor = kind
    with pytest.raises(
        ValidationError, match=f"kernel {kernel} does not fit descriptor {descriptor}; take log_euclidean"
    ):
        image_set.Params(**SETTINGS["image_set"] | {"kernel": kernel, "descriptor": descriptor})
    with pytest.raises(ValidationError, match="does not fit descriptor subspace; take projection or projection_rbf"):
        image_set.Params(**SETTINGS["image_set"] | {"descriptor": "subspace"})


def test_decisions_are_scikit_learns_on_the_kernel_of_the_definition():
    train, test = varied(30, 0), varied(12, 2)
    kind = {"descriptor": "gaussian", "kernel": "log_euclidean_rbf", "gamma": 0.7, "c": (2.0,), "components": 4}
    classifier, _ = fitted("image_set", train, varied(12, 1), **kind)

    def log_of(frames: np.ndarray) -> np.ndarray:
        reduced = classifier.reducer(frames)
        mean, spread = reduced.mean(axis=0), np.cov(reduced.T)
        spread = spread + 0.001 * np.trace(spread) * np.eye(4)
        matrix = np.block([[spread + np.outer(mean, mean), mean[:, None]], [mean[None], np.ones((1, 1))]])
        return logm(matrix / np.linalg.det(spread) ** (1 / 5))

    def distances(one: list[np.ndarray], other: list[np.ndarray]) -> np.ndarray:
        return np.array([[np.linalg.norm(a - b) ** 2 for b in other] for a in one])

    logs, of_test = ([log_of(frames) for frames in data.sequences] for data in (train, test))
    between = distances(logs, logs)
    mean = between[~np.eye(len(train), dtype=bool)].mean()
    model = SVC(kernel="precomputed", C=2.0, class_weight="balanced", decision_function_shape="ovo")
    pairs = model.fit(np.exp(-0.7 * between / mean), train.labels).decision_function(
        np.exp(-0.7 * distances(of_test, logs) / mean)
    )
    expected = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 2] - pairs[:, 0], -pairs[:, 1] - pairs[:, 2]], axis=1) / 2
    np.testing.assert_allclose(classifier.scores(test), expected, atol=1e-3)


@every_kind
@every_model
def test_single_frames_and_a_single_clip_per_class(kind, model):
    classifier, history = fitted("image_set", single(3, 0), single(3, 1), **kind, model=model)
    found = classifier.predict(varied(6, 2))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert all(np.isfinite(list(row.values())).all() for row in history)


@every_model
def test_centred_subspaces_of_single_frames_have_nothing_in_common(model):
    kind = {"descriptor": "subspace", "kernel": "projection", "centred": True, "model": model}
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), **kind)
    data = single(4, 2)
    np.testing.assert_array_equal(classifier.kernel(classifier.rows(data)), 0)
    assert len(np.unique(classifier.predict(data), axis=0)) == 1, "what is known of the classes alone"


@every_model
def test_a_class_that_training_lacks_has_no_score(model):
    classifier, _ = fitted("image_set", varied(30, 0, (0, 2)), varied(12, 1), model=model)
    test = varied(12, 2)
    np.testing.assert_array_equal(classifier.scores(test)[:, 1], -np.inf)
    np.testing.assert_array_equal(classifier.predict(test)[:, 1], 0)
    known = test.labels != 1
    assert (classifier.predict(test).argmax(axis=1) == test.labels)[known].all()


@every_kind
def test_the_order_of_frames_does_not_matter(kind):
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), **kind)
    test = varied(12, 2)
    backwards = dataclasses.replace(test, sequences=[frames[::-1].copy() for frames in test.sequences])
    np.testing.assert_allclose(classifier.predict(backwards), classifier.predict(test), atol=1e-5)


def test_the_best_candidate_on_validation_is_taken_the_first_of_equals():
    train, val = toy(30, 0, shift=0.5), toy(60, 1, shift=0.5)
    for model, name in (("svm", "c"), ("pls", "latent")):
        classifier, history = fitted("image_set", train, val, model=model, c=(1e-6, 0.1, 10.0), latent=(1, 2, 20))
        best = max(row["val_accuracy"] for row in history)
        first = next(row for row in history if row["val_accuracy"] == best)
        alone, _ = fitted("image_set", train, val, **{"model": model, name: (first[name],)})
        np.testing.assert_array_equal(classifier.predict(val), alone.predict(val))
        assert (classifier.predict(val).argmax(axis=1) == val.labels).mean() == pytest.approx(best, abs=1e-6)


@every_model
def test_tempered_posteriors_suit_validation_clips_better_and_decide_alike(model):
    train, val = toy(60, 0, shift=0.5), toy(90, 1, shift=0.5)
    plain, warm = (
        fitted("image_set", train, val, model=model, c=(1.0,), latent=(2,), probabilities=kind)[0]
        for kind in ("pairwise", "tempered")
    )
    before, after = plain.predict(val), warm.predict(val)
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    losses = [-np.log(found[np.arange(90), val.labels]).mean() for found in (before, after)]
    assert losses[1] <= losses[0] + 1e-3


def test_pls_on_other_clips_alone_gives_the_same_bytes():
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), model="pls")
    test = varied(9, 2)
    together = classifier.predict(test)
    for number in range(len(test)):
        alone = Dataset([test.ids[number]], [test.sequences[number]], test.labels[number : number + 1])
        np.testing.assert_array_equal(classifier.predict(alone)[0], together[number])


def test_validation_clips_are_never_fitted_on():
    with pytest.raises(LeakageError, match="a reduction of frames"):
        fitted("image_set", varied(12, 0, part="val"), varied(12, 1))


def test_the_file_gives_the_same_posteriors(tmp_path):
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1))
    classifier.save(tmp_path / "fold-00")
    content = np.load(tmp_path / "fold-00.npz", allow_pickle=False)
    test = varied(9, 2)
    kernel = classifier.rows(test) @ content["kernel_rows"].T * (2 / content["kernel_spread"])
    np.testing.assert_allclose(classifier.judge(kernel, 3)[0], classifier.predict(test), atol=1e-9)
    svm = image_set.Classifier(classifier.params, 3)
    svm.load(tmp_path / "fold-00")
    np.testing.assert_array_equal(svm.predict(test), classifier.predict(test))
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), model="pls")
    classifier.save(tmp_path / "pls")
    np.testing.assert_array_equal(
        np.load(tmp_path / "pls.npz", allow_pickle=False)["weights"], classifier.judge.machine.weights
    )
    again = image_set.Classifier(classifier.params, 3)
    again.load(tmp_path / "pls")
    np.testing.assert_array_equal(again.predict(test), classifier.predict(test))
