"""`pipeline.classification.model_spec` and `pipeline.classification.cross_validation`: classifiers on feature files
over all folds, with and without weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from helpers import segments as corpus
from helpers.classifiers import SETTINGS
from pipeline.classification.classifiers import linear_svm, lstm
from pipeline.classification.cross_validation import cross_validate
from pipeline.classification.model_spec import FeatureRecipe, joined
from pipeline.core.clip import Clip
from pipeline.core.errors import LeakageError, PipelineError, SettingsError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.posteriors import read_table
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import load_weights, save_weights

PARAMS = linear_svm.Params(c=(0.1, 1.0), balanced=True, pooling="average")


class Steps(Settings):
    """Settings of the classifiers below."""

    step_s: float = 0.0


class Recorder:
    """A classifier that notes what it is given, and knows nothing."""

    seen: list[tuple]

    def __init__(self, params: Steps, classes: int, *weights: Path) -> None:
        self.classes = classes
        type(self).seen = [("made", classes, *weights)]

    def fit(self, train, val):
        self.seen.append(("fit", train.part, val.part, len(train.sequences[0])))
        return [{"epoch": 0}]

    def predict(self, data):
        self.seen.append(("predict", data.part))
        return np.full((len(data), self.classes), 1 / self.classes)

    def save(self, path):
        self.seen.append(("save", path.name))


def plugin(**more) -> SimpleNamespace:
    return SimpleNamespace(**{"Classifier": Recorder, "LIGHT": True, **more})


def write(path: Path, count: int | None = None, **meta) -> Path:
    """Write a feature of four frames, the first column of which tells the emotion."""
    found = []
    for number, clip in enumerate(corpus.clips()[:count]):
        values = np.random.default_rng(number).standard_normal((4, 2)).astype(np.float32)
        values[:, 0] += 30 * (clip.emotion == "anger")
        values[:, 1] = 1
        found.append((clip.clip_id, ClipFeatures(values, np.arange(4) / 10, np.ones(4, bool))))
    write_features(path, FeatureMeta("toy", 2, "float32", **meta), found)
    return path


def weights(folder: Path, speakers: tuple[str, ...] = ("f01",)) -> Path:
    save_weights(folder / "source", {"w": torch.zeros(1)}, {"speakers": list(speakers)}, "a source task")
    return folder / "source"


def run(recipe: FeatureRecipe, out: Path, upstream=(), folds=None) -> str:
    return cross_validate("toy-model", recipe, corpus.clips(), folds or corpus.folds(), upstream, out, 1)


def test_posteriors_history_and_ledger(tmp_path):
    source = write(tmp_path / "toy.h5", 11, origin="computed")
    recipe = FeatureRecipe.of(linear_svm, PARAMS, source, None, "train.linear_svm")
    missing = corpus.clips()[-1].clip_id
    upstream = [*corpus.ledger()[:-1], Entry(missing, "extract:toy", "failed", "silent", "no sound")]
    assert run(recipe, tmp_path / "out", upstream) == "train toy-model: accuracy 1.000 on 11 test clips"
    frame = read_table(tmp_path / "out" / "posteriors.csv")
    assert list(frame["model"].unique()) == ["toy-model"]
    assert {"s_anger", "s_happy"} < set(frame.columns), "a classifier that has scores"
    for name, fold in corpus.folds().items():
        for part in ("val", "test"):
            rows = frame[(frame["fold"] == name) & (frame["part"] == part)]
            assert list(rows["clip_id"]) == sorted(i for i, p in fold.items() if p == part and i != missing)
    assert pd.read_csv(tmp_path / "out" / "history.csv").groupby("fold")["c"].apply(list).tolist() == [[0.1, 1.0]] * 3
    entries = {e.clip_id: e for e in read_ledger(tmp_path / "out" / "ledger.csv") if e.stage == "train:toy-model"}
    assert entries[missing] == Entry(missing, "train:toy-model", "failed", "silent", "after extract:toy")
    assert {e.status for i, e in entries.items() if i != missing} == {"ok"}
    assert json.loads((tmp_path / "out" / "about.json").read_text()) == {
        "model": "toy-model", "feature": "toy", "dimension": 2, "weights": "", "origin": "computed",
        "learned": [],
        "params": {
            "c": [0.1, 1.0], "balanced": True, "refit": False, "probabilities": "pairwise", "scaling": "deviation",
            "pooling": "average",
        },
    }  # fmt: skip


def _lacking(present: list[str]) -> list[Entry]:
    every = (clip.clip_id for clip in corpus.clips())
    return [
        Entry(i, "extract:toy") if i in present else Entry(i, "extract:toy", "absent", "no_video", "") for i in every
    ]


def test_a_corpus_without_the_modality_trains_nothing_and_goes_on(tmp_path):
    recipe = FeatureRecipe.of(linear_svm, PARAMS, write(tmp_path / "toy.h5", 0), None, "train.linear_svm")
    line = run(recipe, tmp_path / "out", _lacking([]))
    assert line == (
        "train toy-model: nothing to learn from, since no fold has clips with the feature to train and to validate on"
    )
    frame = read_table(tmp_path / "out" / "posteriors.csv")
    assert frame.empty
    assert {"p_anger", "p_happy", "s_anger", "s_happy"} < set(frame.columns), "late fusion reads them"
    entries = [e for e in read_ledger(tmp_path / "out" / "ledger.csv") if e.stage == "train:toy-model"]
    assert {(e.status, e.reason, e.detail) for e in entries} == {("absent", "no_video", "after extract:toy")}
    assert len(entries) == len(corpus.clips())


def test_a_classifier_without_scores_has_none_where_it_learns_nothing_either(tmp_path):
    recipe = FeatureRecipe.of(plugin(), Steps(), write(tmp_path / "toy.h5", 0), None, "train.x")
    run(recipe, tmp_path / "out", _lacking([]))
    assert not [name for name in read_table(tmp_path / "out" / "posteriors.csv") if name.startswith("s_")]


def test_a_fold_that_has_a_clip_of_the_modality_to_test_alone_says_so_in_the_ledger(tmp_path):
    only = corpus.clips()[0].clip_id
    recipe = FeatureRecipe.of(linear_svm, PARAMS, write(tmp_path / "toy.h5", 1), None, "train.linear_svm")
    run(recipe, tmp_path / "out", _lacking([only]))
    entry = next(
        e for e in read_ledger(tmp_path / "out" / "ledger.csv") if (e.clip_id, e.stage) == (only, "train:toy-model")
    )
    tested = next(name for name, fold in corpus.folds().items() if fold[only] == "test")
    assert entry == Entry(
        only, "train:toy-model", "absent", "not_learned", f"{tested} lacks clips with the feature to learn from"
    )


def test_test_clips_are_read_when_nothing_is_left_to_learn(tmp_path):
    recipe = FeatureRecipe.of(plugin(), Steps(), write(tmp_path / "toy.h5"), None, "train.x")
    run(recipe, tmp_path / "out", folds={"fold-00": corpus.folds()["fold-00"]})
    assert Recorder.seen == [
        ("made", 2),
        ("fit", "train", "val", 4),
        ("predict", "val"),
        ("save", "fold-00"),
        ("predict", "test"),
    ]


@pytest.mark.parametrize(("per_fold", "times"), [(False, 1), (True, 3)])
def test_each_clip_is_read_once_for_all_folds_or_once_in_each(tmp_path, monkeypatch, per_fold, times):
    source, asked, of = write(tmp_path / "toy.h5"), [], FeatureFile.part_of
    if per_fold:
        with FeatureFile(source) as file:
            groups = [(f"{name}/{i}", file.read(i)) for name in corpus.folds() for i in file.clip_ids()]
        parts = {f"{name}/{i}": part for name, fold in corpus.folds().items() for i, part in fold.items()}
        write_features(tmp_path / "folds.h5", FeatureMeta("toy", 2, "float32"), groups, parts)
    monkeypatch.setattr(FeatureFile, "part_of", lambda self, key, *args: asked.append(key) or of(self, key, *args))
    source = tmp_path / ("folds.h5" if per_fold else "toy.h5")
    run(FeatureRecipe.of(linear_svm, PARAMS, source, None, "train.linear_svm"), tmp_path / "out")
    assert sorted(key.split("/")[-1] for key in asked) == sorted(
        c.clip_id for c in corpus.clips() for _ in range(times)
    )
    assert not list((tmp_path / "out").glob(".read-*"))


def test_processes_share_what_was_read_and_change_nothing(tmp_path, two_workers):
    params = lstm.Params(**{**SETTINGS["lstm"], "epochs": 2})
    recipe = FeatureRecipe.of(lstm, params, write(tmp_path / "toy.h5"), None, "train.lstm")
    for workers in (1, two_workers):
        cross_validate("toy-model", recipe, corpus.clips(), corpus.folds(), (), tmp_path / str(workers), workers)
    files = [sorted((tmp_path / name).iterdir()) for name in "12"]
    assert [[path.read_bytes() for path in some] for some in files[:1]] == [[p.read_bytes() for p in files[1]]]


def test_steps_are_those_of_the_settings(tmp_path):
    recipe = FeatureRecipe.of(plugin(), Steps(step_s=0.2), write(tmp_path / "toy.h5"), None, "train.x")
    run(recipe, tmp_path / "out", folds={"fold-00": corpus.folds()["fold-00"]})
    assert Recorder.seen[1] == ("fit", "train", "val", 2)


def test_a_classifier_gets_its_weights_once_they_suit(tmp_path):
    folder, asked = weights(tmp_path), []
    source = write(tmp_path / "toy.h5", weights="f" * 64, origin="a network")
    suits = plugin(WEIGHTS=True, check_input=lambda meta, where: asked.append((meta.feature, where)))
    run(
        FeatureRecipe.of(suits, Steps(), source, folder, "train.x"),
        tmp_path / "out",
        folds={"fold-00": corpus.folds()["fold-00"]},
    )
    assert asked == [("toy", folder)]
    assert Recorder.seen[0] == ("made", 2, folder)
    about = json.loads((tmp_path / "out" / "about.json").read_text())
    assert about["weights"] == f"{'f' * 64} {load_weights(folder).sha256}"
    assert about["origin"] == "toy: a network; source: a source task"


def test_weights_behind_a_feature_without_any_stand_alone(tmp_path):
    suits = plugin(WEIGHTS=True, check_input=lambda meta, where: None)
    about = FeatureRecipe.of(suits, Steps(), write(tmp_path / "toy.h5"), weights(tmp_path), "train.x").about()
    assert (about["weights"], about["origin"]) == (load_weights(tmp_path / "source").sha256, "a source task")


def test_a_model_tells_what_every_training_behind_it_came_to(tmp_path):
    """From the source task's weights through the feature file to the report's `about.json`."""
    one, two = ({"network": name, "loss": 1.9, "unlearned": []} for name in ("anet", "gender"))
    folder = tmp_path / "source"
    save_weights(folder, {"w": torch.zeros(1)}, {"speakers": [], "learned": [two]}, "a source task")
    assert load_weights(folder).told["learned"] == (two,)
    suits = plugin(WEIGHTS=True, check_input=lambda meta, where: None)
    recipe = FeatureRecipe.of(suits, Steps(), write(tmp_path / "toy.h5", learned=(one,)), folder, "train.x")
    assert recipe.about()["learned"] == [one, two]


def test_weights_that_have_met_a_speaker_are_refused_before_training(tmp_path):
    suits = plugin(WEIGHTS=True, check_input=lambda meta, where: None)
    recipe = FeatureRecipe.of(suits, Steps(), write(tmp_path / "toy.h5"), weights(tmp_path, ("f01", "s2")), "train.x")
    Recorder.seen = []
    with pytest.raises(LeakageError, match=r"pretrain\.source: its source corpus holds s2 of the emotion corpus"):
        run(recipe, tmp_path / "out")
    assert Recorder.seen == []


@pytest.mark.parametrize(
    ("takes", "given", "message"),
    [
        (True, False, r"train\.x: this classifier needs pre-trained weights; add --weights"),
        (False, True, r"train\.x: this classifier takes no pre-trained weights; drop --weights"),
    ],
)
def test_weights_too_many_or_too_few(tmp_path, takes, given, message):
    with pytest.raises(SettingsError, match=message):
        FeatureRecipe.of(plugin(WEIGHTS=takes), Steps(), tmp_path / "toy.h5", tmp_path if given else None, "train.x")


def test_a_light_classifier_on_a_small_file_needs_one_process(tmp_path):
    source = write(tmp_path / "toy.h5")
    light, heavy = (FeatureRecipe(plugin(LIGHT=light), Steps(), source) for light in (True, False))
    assert (light.workers(8), heavy.workers(8)) == (1, 8)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda part, emotion: "test" if part == "val" else part,
            r"protocol\.validate_by: windows leaves toy-model no clip",
        ),
        (lambda part, emotion: "test" if part == "train" else part, "fold-00 has no clip to train on; see its ledger"),
        (lambda part, emotion: "test" if emotion == "happy" else part, "fold-00 has a single emotion to train on"),
    ],
)
def test_folds_that_teach_nothing(tmp_path, change, message):
    fold = {clip.clip_id: change(corpus.folds()["fold-00"][clip.clip_id], clip.emotion) for clip in corpus.clips()}
    recipe = FeatureRecipe.of(plugin(), Steps(), write(tmp_path / "toy.h5"), None, "train.x")
    with pytest.raises(PipelineError, match=message):
        run(recipe, tmp_path / "out", folds={"fold-00": fold})


def test_a_clip_without_features_and_without_a_cause_is_named_too(tmp_path):
    recipe = FeatureRecipe.of(plugin(), Steps(), write(tmp_path / "toy.h5", 11), None, "train.x")
    last: Clip = corpus.clips()[-1]
    run(recipe, tmp_path / "out")
    assert Entry(last.clip_id, "train:toy-model", "failed", "no_input", "no observed frame") in read_ledger(
        tmp_path / "out" / "ledger.csv"
    )


@pytest.mark.parametrize(
    ("rests", "found"),
    [
        ([("a", "", "")], {"weights": "", "origin": ""}),
        ([("a", "1", "x")], {"weights": "1", "origin": "x"}),
        ([("a", "1", "x"), ("b", "", "")], {"weights": "1", "origin": "x"}),
        ([("a", "1", "x"), ("b", "2", "y")], {"weights": "1 2", "origin": "a: x; b: y"}),
    ],
)
def test_joined(rests, found):
    assert joined(rests) == found


class Validated(Recorder):
    """A classifier that hands on other posteriors of validation clips than it predicts."""

    def fit(self, train, val):
        self.validated = np.tile([0.25, 0.75], (len(val), 1)), None
        return super().fit(train, val)


def test_what_a_classifier_hands_on_of_validation_clips_is_in_the_table(tmp_path):
    source = write(tmp_path / "toy.h5")
    recipe = FeatureRecipe(plugin(Classifier=Validated), PARAMS, source)
    run(recipe, tmp_path / "out")
    frame = read_table(tmp_path / "out" / "posteriors.csv")
    rows = frame[frame["part"] == "val"]
    assert len(rows)
    assert set(rows["p_happy"]) == {0.75}
    assert 0.75 not in set(frame.loc[frame["part"] == "test", "p_happy"])
