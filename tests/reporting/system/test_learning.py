"""`pipeline.reporting.system.learning`: a report says first which networks did not learn, and how that was found."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from helpers.reports import make, places
from pipeline.reporting.overview.page import overview
from pipeline.reporting.overview.reports import read_reports
from pipeline.reporting.system.learning import learning
from pipeline.reporting.system.statistics import best_on_test
from pipeline.reporting.system.system_report import SystemReport
from pipeline.reporting.system.write import write_report
from pipeline.systems.params import SystemParams

SYSTEM = SystemParams(
    features={"anet": "audio", "vnet": "video"},
    classifiers=("linear_svm",),
    also={"logmel-svm": "audio", "eyes55-svm": "video"},
    baselines={"logmel-svm": ["anet-linear_svm"], "eyes55-svm": ["vnet-linear_svm"]},
    fusions=("vote",),
)
FIGURES = {"trainings": 3, "steps": 9.0, "first_loss": 2.4, "loss": 1.96, "prior_loss": math.log(7), "val_loss": 1.97}
DEAD = {"network": "vnet", **FIGURES, "unlearned_loss": 1.96, "unlearned": ["fold-01", "fold-02"]}
ALIVE = {"network": "anet", **FIGURES, "loss": 0.4, "val_loss": 1.1, "unlearned": []}


def decided(frame: pd.DataFrame, right: dict[str, float]) -> pd.DataFrame:
    """Let models be right on a share of the clips, from the first on."""
    parts = []
    for name, rows in frame.groupby("model", sort=False):
        share = right.get(name, 0.5)
        wrong = rows["emotion"].map(lambda emotion: "sad" if emotion != "sad" else "anger")
        parts.append(
            rows.assign(predicted=rows["emotion"].where([n < share * len(rows) for n in range(len(rows))], wrong))
        )
    return pd.concat(parts)


def report(test: dict[str, float], val: dict[str, float] | None = None, learned=(ALIVE,)) -> SystemReport:
    made = make("mine", SYSTEM)
    parts = {"predictions": decided(made.predictions, test), "validation": decided(made.validation, val or test)}
    return replace(made, about=[{**about, "learned": list(learned)} for about in made.about], **parts)


def test_all_learned(tmp_path):
    found = learning(report({"anet-linear_svm": 0.6, "logmel-svm": 0.6}))
    assert found.unlearned == []
    assert found.baselines["worse"].tolist() == ["", ""]
    assert found.baselines[["val_clips", "test_clips"]].values.tolist() == [[56, 56]] * 2
    write_report(report({}), tmp_path / "demo" / "mine")
    assert overview(places(tmp_path)).startswith("Every network learned.\n")
    for page in ("index.html", "demo/mine/index.html"):
        assert "did not learn" not in (tmp_path / page).read_text(encoding="utf-8").split("<details")[0]


def test_a_few_clips_less_are_chance(tmp_path):
    few = report({"anet-linear_svm": 0.55, "logmel-svm": 0.6})
    found = learning(few)
    assert found.unlearned == []
    assert found.baselines["test_difference"].tolist()[0] == pytest.approx(-3 / 56)
    write_report(few, tmp_path / "demo" / "mine")
    overview(places(tmp_path))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "none is worse" not in page, "it is, by three clips"
    assert (
        "no model on what a network learned is significantly worse (McNemar&#39;s exact test, p below 0.05)"
        in page.replace("'", "&#39;")
    )


def test_what_learning_means_is_told_as_it_is_judged(tmp_path):
    """A training loss near the entropy is no failure where the validation loss lies below it, as with much dropout."""
    late = {**ALIVE, "loss": 1.9, "val_loss": 1.1}
    write_report(report({}, learned=(late,)), tmp_path / "demo" / "mine")
    overview(places(tmp_path))
    page = (tmp_path / "demo" / "mine.html").read_text(encoding="utf-8")
    assert "neither its training loss nor its validation loss is at most 90 % of that" in page
    assert "its training or its validation loss is at most 90 %" in (tmp_path / "index.html").read_text(
        encoding="utf-8"
    )
    assert "<td>anet</td>" in page.split("Training</h2>")[1]
    assert "No classifier of this system is trained step by step" not in page, "one is: it has a curve"


@pytest.mark.parametrize(
    ("learned", "said"), [((), "No network of this system is trained here."), ((ALIVE,), "No classifier")]
)
def test_a_system_without_curves_says_why(tmp_path, learned, said):
    write_report(replace(report({}, learned=learned), curves={}), tmp_path)
    assert said in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("test", "val", "where"), [(0.3, 0.6, "test"), (0.6, 0.3, "validation"), (0, 0, "both")])
def test_a_feature_that_is_worse_than_its_input_is_named(test, val, where):
    mine = "anet-linear_svm"
    found = learning(report({mine: test, "logmel-svm": 0.6}, {mine: val, "logmel-svm": 0.6}))
    assert found.baselines["worse"].tolist() == [{"both": "validation test"}.get(where, where), ""]
    said = " and ".join(f"{60 if where == 'both' else 30} points on {part} clips" for part in
                        (("validation", "test") if where == "both" else (where,)))  # fmt: skip
    assert len(found.unlearned) == 1
    assert found.unlearned[0].replace("61 p", "60 p").endswith(f"by {said.replace('61', '60')}")


def test_the_report_says_first_which_networks_did_not_learn(tmp_path):
    write_report(report({"anet-linear_svm": 0.1, "logmel-svm": 0.9}, learned=(ALIVE, DEAD)), tmp_path / "demo" / "mine")
    dead = "vnet did not learn in fold-01, fold-02: after 9 steps its training loss is 1.960"
    worse = "anet-linear_svm is worse than logmel-svm, the mean and deviation of its own input, by"
    setup = json.loads((tmp_path / "demo" / "mine" / "setup.json").read_text())
    assert [line.split(",")[0] for line in setup["unlearned"]] == [line.split(",")[0] for line in (dead, worse)]
    text = overview(places(tmp_path)).splitlines()
    assert text[0] == "Networks that did not learn:"
    assert text[1].startswith(f"  mine on demo: {dead}")
    assert text[2].startswith(f"  mine on demo: {worse}")
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert index.index("2 of the networks or models did not learn (mine on demo)") < index.index(
        "Headlines on demo</h2>"
    )
    assert dead in index.split('id="notices"')[1]
    for page in ("demo/mine.html", "demo/mine/index.html"):
        html = (tmp_path / page).read_text(encoding="utf-8").split("<body")[1]
        assert html.index(dead) < html.index("This corpus is generated") < html.index("</details>")
        assert "note alarm" in html[: html.index(dead)]


def test_every_training_is_in_a_table(tmp_path):
    write_report(report({}, learned=(ALIVE, DEAD)), tmp_path)
    found = pd.read_csv(tmp_path / "tables" / "learning.csv").set_index("network")
    assert found["loss"].to_dict() == {"anet": 0.4, "vnet": 1.96}
    assert found.loc["vnet", "unlearned"] == "fold-01 fold-02"
    assert pd.read_csv(tmp_path / "tables" / "baselines.csv")["baseline"].tolist() == ["logmel-svm", "eyes55-svm"]


def test_baselines_stand_apart_and_are_never_the_best(tmp_path):
    right = {"logmel-svm": 1, "eyes55-svm": 1, "anet-linear_svm": 0.6, "vote-anet+vnet-linear_svm": 0.7}
    scores = write_report(report(right), tmp_path / "demo" / "mine")
    assert scores["logmel-svm"].accuracy == 1
    alone = SYSTEM.model_copy(update={"fusions": ()})
    assert best_on_test(alone, {name: scores[name] for name in alone.models()}) == "anet-linear_svm"
    (found,) = read_reports(tmp_path)
    assert found.setup["on_test"] == "vote-anet+vnet-linear_svm"
    assert not set(found.setup["choice"].values()) & set(SYSTEM.baselines)
    tmp_path = tmp_path / "demo" / "mine"
    setup = json.loads((tmp_path / "setup.json").read_text())
    assert setup["chosen"]["audio"] == "anet-linear_svm"
    assert json.loads((tmp_path / "metrics.json").read_text())["audio"]["model"] == "anet-linear_svm"
    groups = (tmp_path / "index.html").read_text(encoding="utf-8").split('<tr class="group">')
    title = "baselines: mean and deviation of the networks&#39; own input"
    own = next(group for group in groups if title in group)
    assert "logmel-svm" in own
    assert "eyes55-svm" in own


def test_a_report_of_an_older_version_is_refused(tmp_path):
    write_report(report({}), tmp_path / "demo" / "mine")
    path: Path = tmp_path / "demo" / "mine" / "setup.json"
    setup = json.loads(path.read_text())
    del setup["unlearned"]
    path.write_text(json.dumps(setup))
    with pytest.raises(Exception, match="not of this version"):
        overview(places(tmp_path))
