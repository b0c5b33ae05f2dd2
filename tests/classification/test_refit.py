"""Refit on training and validation clips, and choice without validation clips: what is seen, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.svm import SVC

from helpers import segments as corpus
from helpers.classifiers import fitted, toy
from pipeline.classification.classifiers import lstm, svm
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.inner_validation import inner_parts
from pipeline.classification.model_spec import FeatureRecipe
from pipeline.classification.svm_probabilities import class_scores
from pipeline.core.errors import SettingsError
from pipeline.core.posteriors import read_table
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.protocols.leakage import part_keys
from pipeline.protocols.refit import refit_of
from pipeline.training.datasets import Dataset, Scaler


def both(train: Dataset, val: Dataset) -> Dataset:
    names = [*train.ids, *(f"v{name}" for name in val.ids)]
    return Dataset(names, [*train.sequences, *val.sequences], np.concatenate([train.labels, val.labels]))


def rows(data: Dataset) -> np.ndarray:
    return np.stack([svm.row(None, one) for one in data.sequences])


def machine(c: float) -> SVC:
    return SVC(kernel="linear", C=c, class_weight="balanced", decision_function_shape="ovo")


def test_an_svm_learns_anew_with_the_c_that_validation_chose():
    train, val, test = toy(30, 0, shift=0.5), toy(60, 1, shift=0.5), toy(30, 2, shift=0.5)
    classifier, history = fitted("svm", train, val, c=(1e-6, 0.01, 0.1, 10.0))
    best = max(row["val_accuracy"] for row in history)
    c = next(row["c"] for row in history if row["val_accuracy"] == best)
    temperature = classifier.judge.temperature
    classifier.refit(both(train, val))
    assert (classifier.chosen, classifier.judge.temperature) == (c, temperature)
    everything = both(train, val)
    scaler = Scaler.of(everything, rows(everything))
    expected = machine(c).fit(scaler(rows(everything)), everything.labels).decision_function(scaler(rows(test)))
    np.testing.assert_allclose(classifier.scores(test), class_scores(expected, 3), atol=1e-9)


@pytest.mark.parametrize("name", ["lstm", "temporal"])
def test_an_lstm_learns_anew_for_the_epochs_that_validation_chose(name):
    train, val = toy(24, 0, shift=0.3), toy(24, 1, shift=0.3)
    changes = {"epochs": 12, "patience": 12, "dropout": 0.0}
    classifier, history = fitted(name, train, val, **changes)
    best = min(history, key=lambda row: row["val_loss"])
    assert best["epoch"] + 1 < 12, "there is a choice"
    classifier.refit(both(train, val))
    # the same training without any choice: its last epoch has the lowest loss on clips that it overfits
    again = {**changes, "epochs": best["epoch"] + 1}
    alone, _ = fitted(name, both(train, val), both(train, val), **again)
    losses = [row["val_loss"] for row in fitted(name, both(train, val), both(train, val), **again)[1]]
    assert losses[-1] == min(losses)
    np.testing.assert_array_equal(classifier.predict(toy(9, 2)), alone.predict(toy(9, 2)))


class Steps(Settings):
    refit: bool = True


class Recorder:
    """A classifier that notes what it is given."""

    seen: list[tuple]

    def __init__(self, params: Settings, classes: int) -> None:
        self.classes, type(self).seen = classes, []

    def fit(self, train, val):
        self.seen.append(("fit", *train.ids, *val.ids))
        return [{"epoch": 0}]

    def refit(self, data):
        self.seen.append(("refit", *data.ids))

    def predict(self, data):
        self.seen.append((f"predict {data.part}", *data.ids))
        return np.full((len(data), self.classes), 1 / self.classes)

    def save(self, path):
        self.seen.append(("save",))


def write(path, levels=()):
    """A feature of four frames, the first column of which tells the emotion, per fold where there are levels."""
    found = []
    for level in levels or ("",):
        for number, clip in enumerate(corpus.clips()):
            values = np.random.default_rng(number).standard_normal((4, 2)).astype(np.float32)
            values[:, 0] += 30 * (clip.emotion == "anger")
            clip_id = f"{level}/{clip.clip_id}" if level else clip.clip_id
            found.append((clip_id, ClipFeatures(values, np.arange(4) / 10, np.ones(4, bool))))
    notes = part_keys(dict(levels), [clip.clip_id for clip in corpus.clips()]) if levels else None
    found.sort(key=lambda one: one[0])
    write_features(path, FeatureMeta("toy", 2, "float32"), found, notes)
    return path


def run(recipe, out, folds=None):
    return cross_validate("toy-model", recipe, corpus.clips(), folds or corpus.folds(), (), out, 1)


def test_validation_posteriors_are_those_before_the_refit_and_test_clips_come_last(tmp_path):
    recorder = SimpleNamespace(Classifier=Recorder, LIGHT=True)
    recipe = FeatureRecipe.of(recorder, Steps(), write(tmp_path / "toy.h5"), None, "train.x")
    fold = corpus.folds()["fold-00"]
    run(recipe, tmp_path / "out", {"fold-00": fold})
    ids = {part: [name for name, its in fold.items() if its == part] for part in ("train", "val", "test")}
    seen = Recorder.seen
    assert [event[0] for event in seen] == ["fit", "predict val", "refit", "save", "predict test"]
    assert list(seen[0][1:]) == [*ids["train"], *ids["val"]]
    assert sorted(seen[2][1:]) == sorted([*ids["train"], *ids["val"]])
    assert list(seen[4][1:]) == ids["test"]


def test_a_refit_changes_test_posteriors_and_no_validation_posterior(tmp_path):
    source, found = write(tmp_path / "toy.h5"), {}
    for refit in (False, True):
        params = svm.Params(c=(0.001, 0.1), balanced=True, refit=refit)
        run(FeatureRecipe.of(svm, params, source, None, "train.svm"), tmp_path / str(refit))
        found[refit] = read_table(tmp_path / str(refit) / "posteriors.csv")
    for part, same in (("val", True), ("test", False)):
        tables = [found[refit][found[refit]["part"] == part].reset_index(drop=True) for refit in (False, True)]
        assert tables[0].equals(tables[1]) is same
    histories = [(tmp_path / str(refit) / "history.csv").read_bytes() for refit in (False, True)]
    assert histories[0] == histories[1]


def test_a_model_on_a_feature_that_was_learned_anew_has_to_be_too(tmp_path):
    folds = corpus.folds()
    levels = {**folds, **dict(refit_of(name, fold) for name, fold in folds.items())}
    source = write(tmp_path / "toy.h5", levels)
    params = svm.Params(c=(0.1,), balanced=True)
    with pytest.raises(
        SettingsError, match=r"toy-model: toy was learned anew .* \(refit\); set refit: true for it, too"
    ):
        run(FeatureRecipe.of(svm, params, source, None, "train.svm"), tmp_path / "out")
    line = run(FeatureRecipe.of(svm, svm.Params(c=(0.1,), balanced=True, refit=True), source, None, ""), tmp_path / "o")
    assert line == "train toy-model: accuracy 1.000 on 12 test clips"


def without_validation() -> dict[str, dict[str, str]]:
    """Each speaker is tested once, and all others are trained on."""
    return {
        f"fold-{number:02d}": {c.clip_id: "test" if c.speaker == who else "train" for c in corpus.clips()}
        for number, who in enumerate(corpus.SPEAKERS)
    }


def spoken(data: Dataset, speakers: int) -> Dataset:
    return replace(data, speakers=[f"s{number % speakers}" for number in range(len(data))])


def test_inner_parts_judge_every_clip_once_by_what_has_not_met_its_speaker():
    pairs = inner_parts(spoken(toy(60, 0), 7))
    assert len(pairs) == 5
    assert sorted(name for _, judged in pairs for name in judged.ids) == toy(60, 0).ids
    for learned, judged in pairs:
        assert not set(learned.speakers) & set(judged.speakers)
        assert learned.part == "train"


def test_without_validation_clips_c_is_chosen_by_cross_validation_over_speakers():
    train, test = spoken(toy(60, 0, shift=0.4), 6), toy(30, 2, shift=0.4)
    candidates = (1e-7, 0.003, 0.03, 3.0)
    classifier, history = fitted("svm", train, train.some(()), c=candidates)
    expected = []
    for c in candidates:
        right = 0
        for learned, judged in inner_parts(train):
            alone, _ = fitted("svm", learned, judged, c=(c,))
            right += (alone.predict(judged).argmax(1) == judged.labels).sum()
        expected.append(round(right / len(train), 6))
    assert [row["val_accuracy"] for row in history] == expected
    c = candidates[int(np.argmax(expected))]
    assert classifier.chosen == c
    scaler = Scaler.of(train, rows(train))
    whole = machine(c).fit(scaler(rows(train)), train.labels).decision_function(scaler(rows(test)))
    np.testing.assert_allclose(classifier.scores(test), class_scores(whole, 3), atol=1e-9)


def test_loso_on_all_other_speakers_trains_an_svm_and_refuses_what_needs_validation_clips(tmp_path):
    source = write(tmp_path / "toy.h5")
    params = svm.Params(c=(0.001, 0.1), balanced=True)
    line = run(FeatureRecipe.of(svm, params, source, None, ""), tmp_path / "out", without_validation())
    assert line.endswith(" on 12 test clips")
    assert float(line.split()[3]) >= 0.9
    assert set(read_table(tmp_path / "out" / "posteriors.csv")["part"]) == {"test"}
    torch.set_num_threads(1)
    network = lstm.Params(
        hidden=4, cells=4, dropout=0, readout="mean", weight_decay=0, learning_rate=0.01, balanced=False, batch=4,
        epochs=1, patience=1, step_s=0, seed=0,
    )  # fmt: skip
    with pytest.raises(SettingsError, match=r"protocol\.validate_by: windows leaves toy-model no clip to validate on"):
        run(FeatureRecipe.of(lstm, network, source, None, ""), tmp_path / "no", without_validation())


def test_a_history_is_written_without_validation_clips(tmp_path):
    params = svm.Params(c=(0.001, 0.1), balanced=True)
    run(FeatureRecipe.of(svm, params, write(tmp_path / "toy.h5"), None, ""), tmp_path / "out", without_validation())
    history = pd.read_csv(tmp_path / "out" / "history.csv")
    assert history["c"].tolist() == [0.001, 0.1] * 3
    assert history["val_accuracy"].between(0.5, 1).all()
