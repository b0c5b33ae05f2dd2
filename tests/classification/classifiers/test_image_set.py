"""image_set: every descriptor and machine on the toy set, few clips, single frames; scikit-learn and SciPy as the
reference.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.linalg import logm
from sklearn.svm import SVC

from helpers.classifiers import SETTINGS, fitted, toy
from pipeline.classification.classifiers import image_set
from pipeline.classification.image_sets import ensemble, kernels
from pipeline.classification.image_sets.kernels import products
from pipeline.core.errors import LeakageError, SettingsError
from pipeline.core.feature_records import FeatureMeta
from pipeline.training.datasets import Dataset

DESCRIPTORS, KERNELS = ("subspace", "covariance", "gaussian"), ("linear", "polynomial", "rbf")
MODELS = ("svm", "logistic_regression", "pls")
ALL = {"descriptor": DESCRIPTORS, "kernel": KERNELS, "model": MODELS}
KINDS = [{"descriptor": (one,), "kernel": (other,)} for one in DESCRIPTORS for other in KERNELS]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind['descriptor'][0]}-{kind['kernel'][0]}")
every_model = pytest.mark.parametrize("model", MODELS)


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


def member_scores(classifier: image_set.Classifier, data: Dataset) -> np.ndarray:
    """Return the decision values of the only member."""
    (member,) = classifier.members
    return member.scores(classifier._products(data, classifier._described(data))[member.descriptor])


@pytest.fixture(scope="module")
def of_all():
    """Every member, its history, and how often kernels were computed while it learned."""
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "products", lambda *args: calls.append(1) or products(*args))
        classifier, history = fitted("image_set", varied(30, 0), varied(12, 1), **ALL)
    return classifier, history, len(calls)


@pytest.fixture(scope="module")
def weighed():
    """Every member, with weights that validation clips have chosen."""
    return fitted("image_set", varied(30, 0), varied(24, 1), **ALL, weights="validation")


def single(count: int, seed: int) -> Dataset:
    data = varied(count, seed)
    return dataclasses.replace(data, sequences=[frames[:1] for frames in data.sequences])


@every_kind
@every_model
def test_every_descriptor_and_machine_learns(kind, model):
    classifier, history = fitted("image_set", varied(45, 0), varied(24, 1), **kind, model=(model,))
    test = varied(45, 2)
    found = classifier.predict(test)
    assert (found.argmax(axis=1) == test.labels).mean() >= 0.9
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    candidates = SETTINGS["image_set"]["latent" if model == "pls" else "c"]
    assert [row["candidate"] for row in history] == [*candidates, 0]
    assert [row["member"] for row in history] == ["-".join((*kind["descriptor"], *kind["kernel"], model))] * 3 + [
        "fused"
    ]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_subspace_of_variation_alone(kernel):
    kind = {"descriptor": ("subspace",), "kernel": (kernel,), "centred": True, "rank": 1}
    classifier, _ = fitted("image_set", varied(45, 0), varied(24, 1), **kind)
    test = varied(45, 2)
    assert (classifier.predict(test).argmax(axis=1) == test.labels).mean() >= 0.8


def test_decisions_are_scikit_learns_on_the_kernel_of_the_definition():
    train, test = varied(30, 0), varied(12, 2)
    kind = {"descriptor": ("gaussian",), "kernel": ("rbf",), "gamma": 0.7, "c": (2.0,), "components": 4}
    classifier, _ = fitted("image_set", train, varied(12, 1), **kind)

    def log_of(frames: np.ndarray) -> np.ndarray:
        reduced = classifier.reducers["mean"](frames)
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
    np.testing.assert_allclose(member_scores(classifier, test), expected, atol=1e-3)


@every_kind
@every_model
def test_single_frames_and_a_single_clip_per_class(kind, model):
    classifier, history = fitted("image_set", single(3, 0), single(3, 1), **kind, model=(model,))
    found = classifier.predict(varied(6, 2))
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert np.isfinite([value for row in history for value in row.values() if not isinstance(value, str)]).all()


@every_model
def test_centred_subspaces_of_single_frames_have_nothing_in_common(model):
    kind = {"descriptor": ("subspace",), "kernel": ("linear",), "centred": True, "model": (model,)}
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), **kind)
    data = single(4, 2)
    products = classifier._products(data, classifier._described(data))["subspace"]
    np.testing.assert_array_equal(classifier.members[0].inputs(products), 0)
    assert len(np.unique(classifier.predict(data), axis=0)) == 1, "what is known of the classes alone"


@every_model
def test_a_class_that_training_lacks_has_no_score(model):
    classifier, _ = fitted("image_set", varied(30, 0, (0, 2)), varied(12, 1), model=(model,))
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


@every_model
def test_the_best_candidate_on_validation_is_taken_the_first_of_equals(model):
    train, val = toy(30, 0, shift=0.5), toy(60, 1, shift=0.5)
    one = {"descriptor": ("gaussian",), "kernel": ("rbf",), "model": (model,)}
    classifier, history = fitted("image_set", train, val, **one, c=(1e-6, 0.1, 10.0), latent=(1, 2, 20))
    rows = history[:-1]
    best = max(row["val_accuracy"] for row in rows)
    assert [row["chosen"] for row in rows].index(1) == [row["val_accuracy"] for row in rows].index(best)
    assert sum(row["chosen"] for row in rows) == 1
    assert (classifier.predict(val).argmax(axis=1) == val.labels).mean() == pytest.approx(best, abs=1e-6)


@every_model
def test_tempered_posteriors_suit_validation_clips_better_and_decide_alike(model):
    train, val = toy(60, 0, shift=0.5), toy(90, 1, shift=0.5)
    one = {"descriptor": ("gaussian",), "kernel": ("rbf",), "model": (model,), "c": (1.0,), "latent": (2,)}
    plain, warm = (
        fitted("image_set", train, val, **one, probabilities=kind)[0].predict(val) for kind in ("pairwise", "tempered")
    )
    np.testing.assert_array_equal(plain.argmax(1), warm.argmax(1))
    losses = [-np.log(found[np.arange(90), val.labels]).mean() for found in (plain, warm)]
    assert losses[1] <= losses[0] + 1e-3


def test_posteriors_of_logistic_regression_are_its_own():
    one = {"descriptor": ("gaussian",), "kernel": ("rbf",), "model": ("logistic_regression",)}
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), **one, probabilities="pairwise")
    test = varied(9, 2)
    member = classifier.members[0]
    logits = member.judge.machine.decision_function(
        member.inputs(classifier._products(test, classifier._described(test))["gaussian"])
    )
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(classifier.predict(test), odds / odds.sum(axis=1, keepdims=True), atol=1e-12)
    assert member.judge.sigmoids.shape == (0, 2)


def spoken(data: Dataset, speakers: int) -> Dataset:
    return dataclasses.replace(data, speakers=[f"s{i % speakers}" for i in range(len(data))])


@pytest.mark.parametrize("weights", ["equal", "validation"])
def test_validation_clips_get_what_the_other_speakers_choose(weights):
    train, val = spoken(toy(45, 0, shift=0.5), 5), spoken(toy(39, 1, shift=0.5), 3)
    some = {
        "descriptor": ("gaussian",),
        "kernel": ("rbf",),
        "model": ("svm", "logistic_regression"),
        "weights": weights,
    }
    classifier, _ = fitted("image_set", train, val, **some)
    for speaker in sorted(set(val.speakers)):
        others = val.some([i for i, one in enumerate(val.speakers) if one != speaker])
        own = [i for i, one in enumerate(val.speakers) if one == speaker]
        alone, _ = fitted("image_set", train, others, **some)
        np.testing.assert_allclose(classifier.validated[0][own], alone.predict(val.some(own)), atol=1e-12)
        np.testing.assert_allclose(classifier.validated[1][own], alone.scores(val.some(own)), atol=1e-12)


def test_it_learns_anew_from_both_sides_with_what_was_chosen(tmp_path):
    train, val, test = spoken(toy(45, 0, shift=0.5), 5), spoken(toy(40, 1, shift=0.5), 4), toy(9, 2)
    some = {"model": MODELS, "weights": "validation"}
    classifier, _ = fitted("image_set", train, val, **some)
    weights, chosen = classifier.weights, [(member.chosen, member.judge.temperature) for member in classifier.members]
    before = classifier.predict(test)
    both = Dataset(
        [*train.ids, *(f"v{i}" for i in val.ids)], [*train.sequences, *val.sequences],
        np.concatenate([train.labels, val.labels]), speakers=[*train.speakers, *(f"v{s}" for s in val.speakers)],
    )  # fmt: skip
    classifier.refit(both)
    assert {len(points) for points in classifier.points.values()} == {85}
    assert [(member.chosen, member.judge.temperature) for member in classifier.members] == chosen
    np.testing.assert_array_equal(classifier.weights, weights)
    assert not np.allclose(classifier.predict(test), before, atol=1e-4)
    classifier.save(tmp_path / "fold-00")
    again = image_set.Classifier(classifier.params, 3)
    again.load(tmp_path / "fold-00")
    np.testing.assert_array_equal(again.predict(test), classifier.predict(test))


def test_without_validation_clips_members_choose_among_training_speakers():
    train, nobody, test = spoken(varied(45, 0), 5), varied(0, 1), varied(30, 2)
    classifier, history = fitted("image_set", train, nobody, model=MODELS, c=(1e-6, 1.0), latent=(1, 4))
    assert classifier.chooses_within
    assert (classifier.predict(test).argmax(1) == test.labels).mean() >= 0.9
    assert [found.shape for found in classifier.validated] == [(0, 3), (0, 3)]
    best = [max(r["val_accuracy"] for r in history if r["member"] == m.name) for m in classifier.members]
    assert [row["val_accuracy"] for row in history if row["chosen"]] == best
    member = classifier.members[0]
    assert member.judge.machine.planes.shape[1] == len(train), "learned anew from all of them"


def test_the_fusion_is_the_mean_of_all_members(of_all):
    test = varied(9, 2)
    classifier, history, _ = of_all
    assert len(classifier.members) == 27
    posteriors = [
        fitted("image_set", varied(30, 0), varied(12, 1), descriptor=(d,), kernel=(k,), model=(m,))[0].predict(test)
        for d, k, m in [
            ("subspace", "rbf", "svm"),
            ("gaussian", "linear", "pls"),
            ("covariance", "polynomial", MODELS[1]),
        ]
    ]
    names = [member.name for member in classifier.members]
    each = classifier._each(classifier._products(test, classifier._described(test)))
    for name, alone in zip(
        ["subspace-rbf-svm", "gaussian-linear-pls", f"covariance-polynomial-{MODELS[1]}"], posteriors, strict=True
    ):
        np.testing.assert_allclose(each[names.index(name)], alone, atol=1e-12)
    np.testing.assert_allclose(classifier.predict(test), each.mean(axis=0), atol=1e-12)
    chosen = [row for row in history if row["chosen"]]
    assert [row["member"] for row in chosen] == [*names, "fused"]
    assert {row["weight"] for row in chosen[:-1]} == {round(1 / 27, 6)}


def test_weights_are_chosen_on_validation_clips_alone(weighed):
    val, test = varied(24, 1), varied(30, 2)
    classifier, history = weighed
    assert classifier.weights.sum() == pytest.approx(1)
    assert (classifier.weights == 0).any()
    each = classifier._each(classifier._products(val, classifier._described(val)))
    np.testing.assert_array_equal(classifier.weights, ensemble.validated(each, val.labels, np.arange(3)))
    assert [row["weight"] for row in history if row["chosen"]][:-1] == classifier.weights.round(6).tolist()
    shuffled = dataclasses.replace(test, labels=test.labels[::-1])
    np.testing.assert_array_equal(classifier.predict(shuffled), classifier.predict(test))


def test_the_history_tells_uar_and_accuracy_of_every_member_on_validation():
    val = varied(20, 1, (0, 0, 0, 1, 2))
    classifier, history = fitted("image_set", varied(30, 0), val)
    each = classifier._each(classifier._products(val, classifier._described(val)))
    for row, posteriors in zip([row for row in history if row["chosen"]], [*each, each.mean(axis=0)], strict=True):
        right = posteriors.argmax(axis=1) == val.labels
        assert row["val_accuracy"] == pytest.approx(right.mean(), abs=1e-6)
        assert row["val_uar"] == pytest.approx(np.mean([right[val.labels == c].mean() for c in range(3)]), abs=1e-6)


def layered(data: Dataset) -> Dataset:
    """Return the same with a layer of noise in front of it and behind it."""
    rng = np.random.default_rng(5)
    noisy = [np.concatenate([rng.normal(0, 9, (len(s), 30)), s, s[:, :1] * 0], axis=1) for s in data.sequences]
    names, widths = ("pool1b", "pool3", "fc5"), (30, 5, 1)
    return dataclasses.replace(data, sequences=[s.astype(np.float32) for s in noisy], layers=names, widths=widths)


def test_only_the_named_layers_go_in(tmp_path):
    train, val, test = varied(30, 0), varied(12, 1), varied(9, 2)
    some = {"descriptor": DESCRIPTORS, "kernel": ("rbf",)}
    plain, _ = fitted("image_set", train, val, **some)
    chosen, _ = fitted("image_set", layered(train), layered(val), **some, layers=("fc6", "pool3"))
    expected = plain.predict(test)
    np.testing.assert_array_equal(chosen.predict(layered(test)), expected)
    every, _ = fitted("image_set", layered(train), layered(val), **some)
    assert not np.allclose(every.predict(layered(test)), expected, atol=1e-3)
    chosen.save(tmp_path / "fold-00")
    again = image_set.Classifier(chosen.params, 3)
    again.load(tmp_path / "fold-00")
    new = dataclasses.replace(layered(test), layers=(), widths=())  # `predict` gives no names: the file has the columns
    np.testing.assert_array_equal(again.predict(new), expected)


def test_a_feature_without_the_layers_is_refused_before_it_is_read():
    meta = FeatureMeta("pyramid", 36, "float16", layers=(("pool1b", (5, 6)), ("pool3", (5,)), ("fc5", (1,))))
    params = image_set.Params(**SETTINGS["image_set"] | {"layers": ("fc6",)})
    message = "params: x.layers: fc6, but the feature has the layers pool1b, pool3, fc5; name one, or \\[\\] for all"
    with pytest.raises(SettingsError, match=message):
        image_set.check_feature(meta, params, "params: x")
    image_set.check_feature(dataclasses.replace(meta, layers=()), params, "params: x")
    with pytest.raises(SettingsError, match="name one"):
        fitted("image_set", layered(varied(30, 0)), layered(varied(12, 1)), layers=("fc6",))


def test_clips_that_are_all_equal_and_a_still_clip(of_all):
    frames = np.full((4, 5), 3, np.float32)
    same = Dataset(["a", "b", "c"], [frames] * 3, np.arange(3))
    classifier, _ = fitted("image_set", same, dataclasses.replace(same, part="val"), **ALL)
    assert np.isfinite(classifier.predict(varied(4, 0))).all()
    still = Dataset(["a", "b"], [frames, np.zeros((1, 5), np.float32)], np.arange(2))
    found = of_all[0].predict(still)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


def test_pls_on_other_clips_alone_gives_the_same_bytes():
    classifier, _ = fitted("image_set", varied(30, 0), varied(12, 1), model=("pls",))
    test = varied(9, 2)
    together = classifier.predict(test)
    for number in range(len(test)):
        alone = Dataset([test.ids[number]], [test.sequences[number]], test.labels[number : number + 1])
        np.testing.assert_array_equal(classifier.predict(alone)[0], together[number])


def test_validation_clips_are_never_fitted_on():
    with pytest.raises(LeakageError, match="a reduction of frames"):
        fitted("image_set", varied(12, 0, part="val"), varied(12, 1))


def test_the_file_gives_the_same_bits(weighed, tmp_path):
    classifier, _ = weighed
    classifier.save(tmp_path / "fold-00")
    again = image_set.Classifier(classifier.params, 3)
    again.load(tmp_path / "fold-00")
    test = varied(9, 2)
    np.testing.assert_array_equal(again.predict(test), classifier.predict(test))
    np.testing.assert_array_equal(again.scores(test), classifier.scores(test))
    with np.load(tmp_path / "fold-00.npz", allow_pickle=False) as content:
        assert content["points_gaussian"].dtype == np.float32


def test_training_kernels_are_computed_once_for_all_candidates(of_all):
    assert of_all[2] == 2 * len(DESCRIPTORS)
