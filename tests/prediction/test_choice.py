"""Which model is asked: by its name, or by validation."""

from __future__ import annotations

import pytest

from helpers.toy import PARAMS, write_project
from pipeline.core.errors import ArtifactError, SettingsError
from pipeline.prediction.choice import choose, corpus_of, system_of
from pipeline.prediction.steps import Steps

UAR = {"maximum-heard+seen-svm": (3 / 4 + 1 + 2 / 3) / 3, "seen-svm": (2 / 4 + 2 / 3 + 1 / 3) / 3}
"""Ten clips, four of anger: of these the first eight, or five, are told right."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("choice") / "project"
    write_project(folder)
    return folder


def chosen(project, name="", **changes):
    params = {**PARAMS, "systems": {"small": {**PARAMS["systems"]["small"], **changes}}}
    return choose(params, Steps.read(project / "dvc.lock"), project, "toy", "small", name)


def test_the_best_on_validation_is_the_default_and_of_equals_the_first(project):
    choice = chosen(project)
    assert choice.name == "maximum-heard+seen-svm"
    assert choice.validated == pytest.approx(UAR["maximum-heard+seen-svm"])
    assert not choice.asked_for
    assert choice.names == ["seen-svm", "heard-svm", "maximum-heard+seen-svm"]
    assert choice.best == {"audio": "heard-svm", "video": "seen-svm"}
    assert choice.classes == ["anger", "happy", "sad"]


def test_by_name(project):
    choice = chosen(project, "seen-svm")
    assert choice.asked_for
    assert (list(choice.models), list(choice.fusions)) == (["seen-svm"], [])
    assert choice.validated == pytest.approx(UAR["seen-svm"])
    with pytest.raises(
        SettingsError, match=r"--model average-heard: small has no such model or fusion \(did you mean 'average-heard"
    ):
        chosen(project, "average-heard")


def test_a_model_that_is_better_than_every_fusion_is_asked(project):
    assert chosen(project, fusions=["average"]).name == "heard-svm"


def test_a_system_may_name_its_contenders(project):
    combined = {"late": {"rule": "maximum", "of": ["seen-svm", "heard-svm"]}}
    assert chosen(project, combined=combined, headline=["seen-svm", "late"]).name == "seen-svm", "late was never fused"


def test_without_fusions_the_best_model(project):
    assert chosen(project, fusions=[]).name == "heard-svm"


def test_what_was_not_trained_is_told_at_once(project, tmp_path):
    other = tmp_path / "project"
    write_project(other)
    (other / "m/seen-svm/about.json").unlink()
    with pytest.raises(
        ArtifactError, match=r"seen-svm/about.json: not what a model says of itself .*dvc repro train@toy-seen-svm"
    ):
        chosen(other, "maximum-heard+seen-svm")


def test_corpus_and_system():
    assert corpus_of(PARAMS, "") == "toy"
    assert system_of(PARAMS, "") == "small"
    assert system_of({"systems": {"a": {}, "huang2017": {}}}, "") == "huang2017"
    assert system_of({"systems": {"huang2017": {}, "reference": {}}}, "") == "reference"
    with pytest.raises(SettingsError, match="corpora has a, b; say which with --corpus"):
        corpus_of({"corpora": {"a": {}, "b": {}}}, "")
    with pytest.raises(SettingsError, match=r"--system smal: not under systems in params.yaml \(did you mean 'small'"):
        system_of(PARAMS, "smal")
