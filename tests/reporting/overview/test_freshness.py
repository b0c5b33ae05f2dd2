"""A page shows the settings and code of the run that made its scores, and says first that it is out of date."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import yaml

from helpers.reports import HUANG, make, places
from pipeline.reporting.overview.freshness import Project, outdated
from pipeline.reporting.overview.page import overview
from pipeline.reporting.overview.reports import Places, read_reports
from pipeline.reporting.system.run_record import read_lock, run_record
from pipeline.reporting.system.write import write_report

MODELS = [f"models/demo/huang2017/classifiers/{name}" for name in HUANG.models()]
FUSION = "models/demo/huang2017/fusion"
PARAMS = {"select": {"v1024": {"k": 512}}, "train": {"lstm": {"rate": 2e-05}}, "corpora": {"demo": {"root": "/x"}}}


def md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def entry(path: str, known: str) -> dict:
    return {"path": path, "hash": "md5", "md5": known}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A report made with k=512, as DVC leaves it: the settings, the lock, and the files that it names."""
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS))
    stages = {
        "prepare": {"outs": [entry("features/demo/manifest.csv", "m1")],
                    "params": {"params.yaml": {"corpora.demo": {"root": "/x"}}}},
        "select": {"deps": [entry("features/demo/manifest.csv", "m1")], "outs": [entry("features/demo/v1024.h5", "s1")],
                   "params": {"params.yaml": {"select.v1024": {"k": 512}}}},
        **{f"train-{n}": {"deps": [entry("features/demo/v1024.h5", "s1")], "outs": [entry(path, f"t{n}")],
                          "params": {"params.yaml": {"train.lstm": {"rate": 2e-05}}}} for n, path in enumerate(MODELS)},
        "left": {"outs": [entry("models/demo/huang2017/classifiers/old", "o1")],
                 "params": {"params.yaml": {"train.old": {"rate": 1}}}},
        "fuse": {"deps": [entry("models/demo/huang2017/classifiers", "c1.dir")], "outs": [entry(FUSION, "f1")]},
    }  # fmt: skip
    lock(tmp_path, stages)
    record = run_record([*map(Path, MODELS), Path(FUSION)], {}, tmp_path / "dvc.lock", tmp_path / "none.json")
    folder = tmp_path / "reports" / "demo" / "huang2017"
    write_report(dataclasses.replace(make("huang2017", HUANG), run=record), folder)
    outs = [entry(f"reports/demo/huang2017/{name}", md5(folder / name)) for name in ("scores.json", "setup.json")]
    deps = [entry(FUSION, "f1"), entry("models/demo/huang2017/classifiers", "c1.dir")]
    lock(tmp_path, {**stages, "report": {"deps": deps, "outs": outs}})
    return tmp_path


def lock(folder: Path, stages: dict) -> None:
    # as DVC writes it: 2e-05 without a point
    text = yaml.safe_dump({"schema": "2.0", "stages": stages}).replace("2.0e-05", "2e-05")
    (folder / "dvc.lock").write_text(text)


def changed(folder: Path, change) -> None:
    stages = yaml.safe_load((folder / "dvc.lock").read_text())["stages"]
    change(stages)
    lock(folder, stages)


def why(folder: Path) -> list[str]:
    (report,) = read_reports(folder / "reports")
    return outdated(report, Project(folder / "params.yaml"))


def set_k(folder: Path, k: int) -> None:
    (folder / "params.yaml").write_text(yaml.safe_dump({**PARAMS, "select": {"v1024": {"k": k}}}))


def test_the_record_has_the_settings_of_all_that_the_scores_rest_on(project):
    run = json.loads((project / "reports/demo/huang2017/setup.json").read_text())["run"]
    assert run["settings"] == {"corpora.demo": {}, "select.v1024": {"k": 512}, "train.lstm": {"rate": 2e-05}}
    assert run["mixed"] == run["unknown"] == []


def test_a_report_that_is_current_is_not_called_out_of_date(project):
    assert why(project) == []
    page = pages(project)["demo/huang2017.html"]
    assert "Out of date" not in page
    assert "<td><code>select.v1024.k</code></td><td>1024</td><td><strong>512</strong></td>" in page


def pages(folder: Path) -> dict[str, str]:
    overview(Places(folder / "reports", *dataclasses.astuple(places(folder))[1:]))
    names = ("index.html", "run.html", "demo/huang2017.html")
    return {name: (folder / "reports" / name).read_text(encoding="utf-8") for name in names}


def test_settings_reset_after_an_experiment_are_not_shown_beside_its_scores(project):
    set_k(project, 1024)
    assert why(project) == ["select.v1024.k: 512 in this run, 1024 in params.yaml"]
    found = pages(project)
    begins = {"index.html": "Headlines", "run.html": "Training", "demo/huang2017.html": "<h1>"}
    for name, words in begins.items():
        body = found[name].split("<body")[1]
        assert body.index("Out of date") < body.index(words)
    assert "as the project ships them" not in "".join(found.values())
    assert (
        "<td><code>select.v1024.k</code></td><td>1024</td><td><strong>512</strong></td>" in found["demo/huang2017.html"]
    )


def test_the_lock_may_be_reset_too(project):
    """`git checkout params.yaml dvc.lock` leaves the scores of the experiment on the disk."""
    set_k(project, 1024)

    def before(stages):
        stages["select"]["params"]["params.yaml"]["select.v1024"]["k"] = 1024
        for each in stages["report"]["outs"]:
            each["md5"] = "0" * 32

    changed(project, before)
    assert why(project) == [
        "select.v1024.k: 512 in this run, 1024 in params.yaml",
        "scores.json, setup.json: not as dvc.lock has them",
    ]


def test_without_a_lock_the_record_beside_the_scores_tells(project):
    (project / "dvc.lock").unlink()
    assert why(project) == []
    set_k(project, 1024)
    assert why(project) == ["select.v1024.k: 512 in this run, 1024 in params.yaml"]
    (project / "params.yaml").write_text("a: [")
    assert "select.v1024.k: 512 in this run, - in params.yaml" in why(project)


def test_a_change_that_came_out_the_same_is_no_reason(project):
    set_k(project, 513)
    changed(project, lambda stages: stages["select"]["params"]["params.yaml"]["select.v1024"].update(k=513))
    assert why(project) == []


@pytest.mark.parametrize(
    ("stage", "kind", "reason"),
    [("select", "outs", "features/demo/v1024.h5: made anew since"), ("fuse", "outs", f"{FUSION}: made anew since")],
)
def test_what_it_is_made_from_was_made_anew(project, stage, kind, reason):
    changed(project, lambda stages: stages[stage][kind][0].update(md5="new"))
    assert why(project) == [reason]


def test_models_that_were_trained_anew_are_found_on_the_disk(project):
    folder = project / "models/demo/huang2017/classifiers"
    (folder / "a60-lstm").mkdir(parents=True)
    (folder / "a60-lstm" / "about.json").write_text("{}")
    assert why(project) == ["models/demo/huang2017/classifiers: made anew since, or not that of dvc.lock"]
    listed = json.dumps([{"md5": hashlib.md5(b"{}").hexdigest(), "relpath": "a60-lstm/about.json"}])
    known = f"{hashlib.md5(listed.encode()).hexdigest()}.dir"

    def as_dvc(stages):
        for name in ("fuse", "report"):
            next(each for each in stages[name]["deps"] if each["path"].endswith("classifiers"))["md5"] = known

    changed(project, as_dvc)
    assert why(project) == []


def test_code_that_changed_is_named(project, monkeypatch):
    changed(project, lambda stages: stages["select"]["params"].update({"code.json": {"stages.select": "then"}}))
    monkeypatch.setattr("pipeline.reporting.overview.freshness.all_digests", lambda _: {"stages": {"select": "now"}})
    assert why(project) == ["the code of stages.select is another one now"]


def test_stages_that_ran_with_different_settings_are_told(project):
    changed(project, lambda stages: stages["train-0"]["params"]["params.yaml"]["train.lstm"].update(rate=1))
    record = run_record([*map(Path, MODELS), Path("models/x")], {}, project / "dvc.lock", project / "none.json")
    assert (record["mixed"], record["unknown"]) == (["train.lstm"], ["models/x"])


@pytest.mark.parametrize("text", ["", "{", "stages: [1]", "a: 1"])
def test_a_lock_that_is_none_is_none(tmp_path, text):
    (tmp_path / "dvc.lock").write_text(text)
    assert read_lock(tmp_path / "dvc.lock") == read_lock(tmp_path / "absent") == []
