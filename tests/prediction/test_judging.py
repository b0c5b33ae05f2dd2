"""What the folds' systems say: models, fusions, the mean, windows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from helpers.toy import FOLDS, PARAMS, write_project
from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, SettingsError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.fusion.missing_modality import read_learned
from pipeline.prediction.choice import choose
from pipeline.prediction.course import SpanParams
from pipeline.prediction.fold_model import Judged
from pipeline.prediction.judging import fused, judge, usable_folds
from pipeline.prediction.ledgers import entries_of
from pipeline.prediction.steps import Steps

SPANS = SpanParams(window_s=1.0, hop_s=0.5)
NEW = [Clip("both", "both.mp4", "", ""), Clip("heard", "heard.wav", "", ""), Clip("neither", "neither.bin", "", "")]


class HeldFeatures:
    """Features of new clips that are simply there; see `pipeline.prediction.features.Features`."""

    def __init__(self, missing: dict[str, str] | None = None, weights: str = "ab" * 32) -> None:
        self.missing, self.weights = missing or {}, weights

    def folds(self, out: str, folds) -> dict[str, str]:
        return {fold: self.missing.get(fold, "") for fold in folds}

    def meta(self, out: str) -> FeatureMeta:
        return FeatureMeta(out, 3, "float32", weights=self.weights)

    def read(self, out: str, clip: Clip, fold: str, names=()) -> ClipFeatures | None:
        if clip.clip_id == "neither" or (clip.clip_id == "heard" and "seen" in out):
            return None
        rng = np.random.default_rng(len(out))
        values = rng.standard_normal((30, 3)).astype(np.float32)
        values[:15, 0] += 3  # anger first, sadness later
        values[15:, 2] += 3
        return ClipFeatures(values, np.arange(30) / 10, np.ones(30, bool))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judging") / "project"
    write_project(folder)
    return folder


def asked(project, name="average-heard+seen-svm"):
    return choose(PARAMS, Steps.read(project / "dvc.lock"), project, "toy", "small", name)


def outcome(project, name="average-heard+seen-svm", folds=FOLDS):
    choice = asked(project, name)
    learned = read_learned(project / "m/fusion/learned.json", choice.fusions, folds)
    return judge(choice, learned, HeldFeatures(), NEW, folds, SPANS)


def test_posteriors_of_what_there_is(project):
    found = outcome(project)
    both, heard, neither = found.posteriors["average-heard+seen-svm"]
    np.testing.assert_allclose([both.sum(), heard.sum()], 1, atol=1e-5)
    np.testing.assert_allclose(heard, found.posteriors["heard-svm"][1])
    assert np.isnan(neither).all()
    assert np.isnan(found.posteriors["seen-svm"][1]).all()


def test_the_mean_over_folds(project):
    every = outcome(project).posteriors["average-heard+seen-svm"]
    single = [outcome(project, folds=[fold]).posteriors["average-heard+seen-svm"] for fold in FOLDS]
    np.testing.assert_allclose(every, np.mean(single, axis=0))


def test_over_time(project):
    found = outcome(project)
    course = found.courses[0]
    np.testing.assert_allclose(course.times, [0, 0.5, 1, 1.5, 2, 2.5])
    assert course.posteriors.shape == (6, 3)
    assert course.posteriors[0].argmax() == 0
    assert course.posteriors[-1].argmax() == 2
    assert np.isnan(found.courses[2].posteriors).all()
    assert list(found.constant) == []


def test_a_fusion_in_one_fold_is_its_plugin_with_what_it_learned(project):
    choice = asked(project)
    rows = {"seen-svm": [[0.6, 0.3, 0.1]], "heard-svm": [[0.2, 0.2, 0.6]]}
    judged = {name: Judged(np.array(each), None) for name, each in rows.items()}
    found = fused(choice, {"average-heard+seen-svm": {"fold-00": {}}}, "fold-00", judged)
    np.testing.assert_allclose(found["average-heard+seen-svm"], [[0.4, 0.25, 0.35]])


def test_folds_whose_weights_were_not_kept(project):
    choice = asked(project)
    why = "the weights of seen in fold-01 were not kept; set x.seen.keep: all"
    assert usable_folds(choice, HeldFeatures()) == (list(FOLDS), "")
    assert usable_folds(choice, HeldFeatures({"fold-01": why})) == (["fold-00"], why)
    assert usable_folds(choice, HeldFeatures(), "fold-01") == (["fold-01"], "")
    with pytest.raises(
        ArtifactError,
        match=r"average-heard\+seen-svm: the weights of seen in fold-01 were not kept; set x.seen.keep: all",
    ):
        usable_folds(choice, HeldFeatures(dict.fromkeys(FOLDS, why)))
    with pytest.raises(ArtifactError, match="not kept"):
        usable_folds(choice, HeldFeatures({"fold-01": why}), "fold-01")
    with pytest.raises(SettingsError, match=r"--fold fold-1: no such fold \(did you mean 'fold-0"):
        usable_folds(choice, HeldFeatures(), "fold-1")


def test_a_model_of_an_earlier_form_is_no_model(project, tmp_path):
    other = tmp_path / "project"
    write_project(other)
    for fold in FOLDS:
        (other / f"m/seen-svm/{fold}.npz").rename(other / f"m/seen-svm/{fold}.joblib")
    with pytest.raises(
        ArtifactError, match="has no model of fold-00 that can be loaded; run `dvc repro train@toy-seen-svm`"
    ):
        usable_folds(asked(other), HeldFeatures())


def test_clips_do_not_hang_on_each_other(project):
    choice = asked(project)
    learned = read_learned(project / "m/fusion/learned.json", choice.fusions, FOLDS)
    alone = judge(choice, learned, HeldFeatures(), NEW[:1], FOLDS, SPANS).posteriors[choice.name]
    np.testing.assert_array_equal(
        alone, judge(choice, learned, HeldFeatures(), NEW, FOLDS, SPANS).posteriors[choice.name][:1]
    )


def test_a_feature_of_other_weights_is_refused(project):
    choice = asked(project, "seen-svm")
    with pytest.raises(ArtifactError, match=r"m/seen-svm: was trained on a .* of other weights than it has now"):
        judge(choice, {}, HeldFeatures(weights="cd" * 32), NEW, FOLDS, SPANS)


def without_pictures(folder):
    """A project whose model of the picture had nothing to learn from."""
    write_project(folder)
    model = folder / "m/seen-svm"
    table = pd.read_csv(model / "posteriors.csv")
    table.iloc[:0].to_csv(model / "posteriors.csv", index=False)
    for file in model.glob("fold-*"):
        file.unlink()
    return folder


def test_on_a_corpus_of_sounds_a_fusion_goes_by_the_sound(tmp_path):
    project = without_pictures(tmp_path / "project")
    choice = asked(project)
    assert (list(choice.models), list(choice.untrained)) == (["heard-svm"], ["seen-svm"])
    found = outcome(project)
    for rows in (found.posteriors["average-heard+seen-svm"], found.courses[0].posteriors):
        assert not np.isnan(rows[0]).any()
    np.testing.assert_allclose(found.posteriors["average-heard+seen-svm"], found.posteriors["heard-svm"])
    told = {
        (entry.stage, entry.status, entry.reason)
        for entry in entries_of(choice, NEW, found, {"f/toy/heard.h5": []})
        if entry.clip_id == "both"
    }
    assert told == {
        ("predict:heard-svm", "ok", ""),
        ("predict:seen-svm", "absent", "not_learned"),
        ("predict:average-heard+seen-svm", "degraded", "not_learned"),
    }
    with pytest.raises(
        ArtifactError, match="seen-svm: it was trained in no fold, as the corpus has nothing to learn it from"
    ):
        asked(project, "seen-svm")
