"""plan.yaml: what is extracted for the systems of params.yaml, and nothing else."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from helpers.shipped import shipped
from pipeline.core.errors import SettingsError
from pipeline.systems.plan import plan_of, write_plan

SHIPPED = shipped()
SYSTEM = {"features": {"egemaps": "audio"}, "classifiers": ["svm"], "fusions": []}


def params(**features: str) -> dict[str, Any]:
    """The shipped settings with one small system of its own features, on two corpora."""
    made = copy.deepcopy(SHIPPED)
    made["systems"] = {"mine": {**SYSTEM, "features": {**SYSTEM["features"], **features}}}
    made["corpora"] = dict.fromkeys(("demo", "ravdess"), SHIPPED["corpora"]["demo"])
    return made


def test_features_that_are_only_kept_ready_are_not_extracted() -> None:
    plan = plan_of(params())
    assert {"compare16", "lld147"} <= set(SHIPPED["extract"])
    assert list(plan["extract"]) == [
        f"{corpus}-{name}" for corpus in ("demo", "ravdess") for name in ("egemaps", "logmel", "mfcc39")
    ], "the system's, and what other stages read"
    assert plan["extract_crops"] == plan["extract_table"] == {}


def test_what_a_system_names_is_extracted_for_every_corpus() -> None:
    plan = plan_of(params(compare16="audio", hog="video"))
    assert plan["extract"]["ravdess-compare16"] == {"corpus": "ravdess", "feature": "compare16"}
    assert list(plan["extract_crops"]) == ["demo-hog", "ravdess-hog"]
    assert plan["train"]["demo-mine-hog-svm"]["feature"] == "hog"


def test_a_further_model_counts_too() -> None:
    made = params()
    made["systems"]["mine"]["also"] = {"hog-linear_svm": "video"}
    assert "demo-hog" in plan_of(made)["extract_crops"]


def test_a_table_is_read_for_the_corpora_that_have_one() -> None:
    made = params(openface="video")
    made["extract_table"] = {"openface": {"tables": {"ravdess": "data/au.csv"}}}
    item = {"corpus": "ravdess", "feature": "openface", "table": "data/au.csv", "word": "data/au.csv"}
    assert plan_of(made)["extract_table"] == {"ravdess-openface": item}
    made["systems"]["mine"]["features"].pop("openface")
    assert plan_of(made)["extract_table"] == {}
    made["extract_table"]["openface"] = {"table": "data/au.csv"}
    with pytest.raises(SettingsError, match=r"extract_table\.openface\.tables"):
        plan_of(made)


def test_equal_settings_give_equal_bytes(tmp_path: Path) -> None:
    made = params(compare16="audio", hog="video")
    assert write_plan(made, tmp_path / "plan.yaml")
    assert not write_plan(made, tmp_path / "plan.yaml")
    made["extract"] = dict(reversed(made["extract"].items()))
    assert not write_plan(made, tmp_path / "plan.yaml")


def test_a_join_is_made_two_by_two_with_its_features_where_a_system_names_it() -> None:
    made = params(early="joint")
    made["join"] = {"early": {"audio": ["compare16", "mfcc39"], "video": ["hog"]}, "unused": {"audio": ["compare16"]}}
    plan = plan_of(made)
    assert [item for key, item in plan["join"].items() if key.startswith("demo")] == [
        {"corpus": "demo", "name": "early", "feature": "early-2", "one": "compare16", "other": "mfcc39"},
        {"corpus": "demo", "name": "early", "feature": "early", "one": "early-2", "other": "hog"},
    ]
    assert {"demo-compare16", "demo-mfcc39"} <= set(plan["extract"])
    assert "demo-hog" in plan["extract_crops"]
    made["join"]["early"]["video"] = ["hogg"]
    with pytest.raises(SettingsError, match=r"join\.early: no section gives 'hogg' .did you mean 'hog'"):
        plan_of(made)
    assert plan_of(params())["join"] == {}
