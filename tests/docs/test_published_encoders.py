"""docs/published-encoders.md: its block parses, and is all that brings its features into the pipeline."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from helpers.docs import laid_over, settings_of, text_of
from helpers.project import ROOT, Project
from helpers.shipped import shipped
from pipeline.cli.settings.page import page
from pipeline.cli.settings.sections import check
from pipeline.engine.code_digest import all_digests
from pipeline.systems.plan import write_plan
from pipeline.weights.lock import read_lock

PARAMS = shipped()
BLOCK, HUB = settings_of("published-encoders")


def test_the_block_parses_and_names_entries_with_an_activation() -> None:
    assert set(BLOCK["fetch_weights"]) == {*BLOCK["extract_sound"], *BLOCK["extract_face"]}
    check(laid_over(PARAMS, BLOCK))
    lock = read_lock(ROOT / "weights.lock")
    entries = [lock.entry(name) for block in BLOCK["fetch_weights"].values() for name in block["weights"]]
    assert all(one.activation and one.sha256 and one.archive_sha256 for one in entries)
    assert f"whisper_tiny_en ({lock['whisper_tiny_en'].known})" in text_of("published-encoders")


def test_the_block_of_a_hub_makes_features_of_its_own_names() -> None:
    named = {**HUB["extract_sound"], **HUB["extract_face"]}
    assert set(HUB["fetch_weights"]) == set(named)
    params = laid_over(PARAMS, HUB)
    check(params)
    digests = all_digests(params)["extractors"]
    assert {name: digests[name] for name in named} == {
        name: digests[block["extractor"]] for name, block in named.items()
    }
    assert not set(named) & set(all_digests(PARAMS)["extractors"])
    assert re.search(r"`\{wavlm9,wavlmall\}\.layers`|`\*\.layers`", page(yaml.safe_dump(HUB)))


def test_its_settings_have_a_row_each() -> None:
    found = page(yaml.safe_dump({"extract_sound": BLOCK["extract_sound"]}))
    assert re.search(r"`whisper\.layer`.*last", found)
    assert re.search(r"`resemblyzer\.rate`.*1\.3", found)


@pytest.mark.slow
@pytest.mark.xdist_group("docs-dvc")
def test_nothing_of_it_is_a_stage_until_params_name_it(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    names = {}
    for label, params in (("shipped", PARAMS), ("named", laid_over(PARAMS, BLOCK))):
        (project.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        write_plan(params, project.root / "plan.yaml")
        with Repo(os.fspath(project.root)) as repo:
            names[label] = {stage.name: stage for stage in repo.index.stages}
    told = {*BLOCK["fetch_weights"]}
    assert not {
        name for name in names["shipped"] if name.startswith("extract_sound") or told & set(re.split("[@-]", name))
    }
    new = set(names["named"]) - set(names["shipped"])
    families = {name: family for family in ("extract_sound", "extract_face") for name in BLOCK[family]}
    assert new == {f"fetch_weights@{name}" for name in told} | {f"{families[name]}@demo-{name}" for name in told}
    stage = names["named"]["extract_sound@demo-whisper"]
    assert {dep.def_path for dep in stage.deps if not dep.def_path.endswith(("params.yaml", "code.json"))} == {
        "features/demo/manifest.csv", "features/demo/prepare.ledger.csv", "models/pretrained/whisper"
    }  # fmt: skip
    assert {out.def_path for out in stage.outs} == {"features/demo/whisper.h5", "features/demo/whisper.ledger.csv"}
