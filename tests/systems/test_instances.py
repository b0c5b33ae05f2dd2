"""What plan.yaml hands to dvc.yaml: every name and path that becomes a word of a command, checked."""

from __future__ import annotations

import copy
import re
import shlex
from typing import Any

import pytest

from helpers.project import ROOT
from helpers.shipped import shipped
from pipeline.core.errors import SettingsError
from pipeline.core.yaml_text import parsed
from pipeline.systems.plan import plan_of
from stages import code

SHIPPED = shipped()
DAG = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
TRICK = "x; touch y; true"


def changed(key: str, value: Any, name: Any = None) -> dict[str, Any]:
    """The shipped settings with another value, or with a further name under a section."""
    params = copy.deepcopy(SHIPPED)
    node, (*parts, last) = params, key.split(".")
    for part in parts:
        node = node[part]
    node[last] = value if name is None else {**node[last], name: value}
    return params


def test_dvc_multiplies_by_nothing_but_the_plan() -> None:
    """What stands in params.yaml by hand reaches a shell only by way of checked code; of a new corpus, which needs no
    `check` first, the name stands in quotes, and `code`, which looks at it, comes before.
    """
    assert set(re.findall(r"\$\{(\w+)", DAG)) == {"plan", "item", "key", "corpora"}
    assert re.findall(r"(\w+):\n    foreach: \$\{corpora\}", DAG) == ["prepare"]
    command = parsed(DAG, known=True)["stages"]["prepare"]["do"]["cmd"]
    assert command.count("${") == len(re.findall(r"'[\w./]*\$\{key\}[\w./]*'", command)) == 5
    assert set(re.findall(r"\$\{plan\.(\w+)\}", DAG)) <= set(plan_of(SHIPPED))


def test_the_stage_code_looks_at_each_section_of_the_plan() -> None:
    sections = set(re.findall(r"\$\{plan\.(\w+)\}", DAG)) - {"transfer", "end_to_end"}  # made of systems
    assert sections <= set(code.READS.split())
    assert "params.yaml" in parsed(DAG, known=True)["stages"]["code"]["deps"]


@pytest.mark.parametrize("section", ["corpora", "systems", "generate", "degrade", "crop_faces", "pretrain", "select",
                                     "extract_table", "train", "join", "fuse_features", "fetch_weights"])  # fmt: skip
@pytest.mark.parametrize("name", [TRICK, "mine_v1.0", "my corpus", 2024, "$(id)"])
def test_no_plan_is_made_of_such_a_name(section: str, name: Any) -> None:
    block = next(iter((SHIPPED[section] or {"none": {}}).values()))
    with pytest.raises(SettingsError) as caught:
        plan_of(changed(section, block, name))
    assert str(caught.value).startswith(f"params.yaml: {section}.")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key",
    ["degrade.demo_worse.corpus", "pretrain.a60.source", "train.transfer.pretrained", "systems.reference.classifiers",
     "systems.reference.fusions"],
)  # fmt: skip
def test_no_plan_is_made_of_such_a_value(key: str) -> None:
    with pytest.raises(SettingsError, match="touch y"):
        plan_of(changed(key, [TRICK] if key.endswith("s") else TRICK))


def test_paths_are_words_of_a_command_whatever_they_are() -> None:
    path = "/data/my corpora/$(touch y); 'it'"
    made = plan_of(changed("pretrain.a60.root", path))["pretrain"]["a60"]
    assert made["root"] == path
    assert shlex.split(f"--root {made['word']} --out x") == ["--root", path, "--out", "x"]
    plain = plan_of(SHIPPED)["pretrain"]["a60"]
    assert plain["word"] == plain["root"] == SHIPPED["pretrain"]["a60"]["root"]
    params = changed("extract_table", {"au": {"tables": {"demo": path}}})
    params["systems"]["reference"]["features"]["au"] = "video"
    assert shlex.split(plan_of(params)["extract_table"]["demo-au"]["word"]) == [path]
    for key in ("pretrain.a60.root", "corpora.demo.root"):
        with pytest.raises(SettingsError, match=re.escape(key)):
            plan_of(changed(key, "--out"))


def test_two_names_that_make_one_are_refused() -> None:
    params, corpus = copy.deepcopy(SHIPPED), SHIPPED["corpora"]["demo"]
    system = SHIPPED["systems"]["reference"]
    params["corpora"], params["systems"] = {"a": corpus, "a-b": corpus}, {"b-c": system, "c": system}
    with pytest.raises(SettingsError, match="two corpora and systems make one name, a-b-c-compare16-logistic"):
        plan_of(params)
