"""Settings that the documentation shows: they parse, DVC knows their targets, and every key that is named exists."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from helpers.docs import PLUGINS, blocks, laid_over, pages, settings_of, text_of
from helpers.project import ROOT, Project
from helpers.shipped import shipped
from pipeline.classification.end_to_end.settings import EndToEndParams
from pipeline.cli.settings.profiles import plan
from pipeline.cli.settings.sections import check
from pipeline.core import settings
from pipeline.core.settings import Runtime
from pipeline.core.yaml_text import parsed
from pipeline.manifest.settings import CorpusParams
from pipeline.systems.params import SystemParams
from pipeline.systems.plan import write_plan
from pipeline.weights.lock import read_lock

PARAMS: dict[str, Any] = shipped()
PAGES = {
    "reproducing-huang2017": ["report@cheavd-huang2017"],
    "reproducing-zhang2017": ["report@rml-zhang2017", "report@enterface05-zhang2017", "report@baum1s-zhang2017"],
    "reproducing-ouyang2017": ["report@afew-ouyang2017"],
}
"""page -> targets that it names"""


@cache
def at_size(page: str) -> dict[str, Any]:
    """Return params.yaml with the profile of a page's paper laid over it; every test of a page reads the same."""
    found: dict[str, Any] = parsed(plan(ROOT / "params.yaml", page.removeprefix("reproducing-")).new)
    return found


def test_params_yaml_itself_parses() -> None:
    check(PARAMS)


NUMBERS = {
    "reproducing-huang2017": {
        "pretrain.a60.settings.hidden": 1024,
        "pretrain.a60.settings.last": 60,
        "pretrain.a1024.settings.last": 1024,
        "pretrain.pool5.settings.width": 1,
        "crop_faces.square100.px": 100,
        "select.v1024.k": 1024,
        "select.v2048.k": 2048,
        "train.lstm.hidden": 128,
        "train.lstm.cells": 128,
        "train.lstm.dropout": 0.5,
        "train.lstm.weight_decay": 0.0001,
    },
    "reproducing-zhang2017": {
        "extract.logmel": {"bands": 64, "window_ms": 25, "hop_ms": 10, "low_hz": 20, "high_hz": 8000},
        "segments_audio.anet.settings.windows": {"length": 64, "shift": 30},
        "segments_audio.anet15.settings.windows": {"length": 15, "shift": 7},
        "segments_audio.anet.tune.epochs": 300,
        "segments_audio.anet.tune.batch": 30,
        "segments_audio.anet.tune.momentum": 0.9,
        "segments_audio.anet.tune.learning_rate": 0.001,
        "segments_video.vnet.tune.epochs": 400,
        "fuse_features.dbn2.settings.layers": [4096, 2048],
        "fuse_features.dbn3.settings.layers": [4096, 2048, 1024],
        "fuse_features.dbn2.settings.epochs": 100,
        "fuse_features.fc1.settings.dropout": 0.3,
        "crop_faces.eyes55.eye_distance_px": 55,
    },
    "reproducing-ouyang2017": {
        "align_faces.frames": 16,
        "clip_features.vggface.settings.size": 224,
        "clip_features.pyramid.settings": {"size": 112, "grid": None},
        "end_to_end.vggface.dropout": 0.7,
        "end_to_end.vggface.iterations": 5000,
        "end_to_end.vggface.learning_rate": 0.001,
        "end_to_end.vggface.decay_every": 1000,
        "end_to_end.c3d.settings.dropout": 0.5,
        "pretrain.gender.settings.hidden": 256,
        "pretrain.gender.settings.layers": 2,
        "pretrain.gender.settings.loop.batch": 64,
        "pretrain.gender.settings.loop.learning_rate": 0.004,
        "train.transfer.learning_rate": 0.002,
        "train.transfer.batch": 64,
        "fuse.weighted.candidates": [0, 0.5, 1],
    },
}
"""page -> what the paper prints, by the key that holds it at the paper's size"""


@pytest.mark.parametrize(("page", "key"), [(page, key) for page, numbers in NUMBERS.items() for key in numbers])
def test_the_profile_of_a_paper_has_the_papers_numbers(page: str, key: str) -> None:
    assert settings.section(at_size(page), key) == NUMBERS[page][key]


@pytest.mark.parametrize("page", PAGES)
def test_the_profile_of_a_paper_parses(page: str) -> None:
    check(at_size(page))


@pytest.mark.parametrize("page", PAGES)
def test_the_profile_of_a_paper_names_weights_that_the_registry_has(page: str) -> None:
    lock = read_lock(ROOT / "weights.lock")
    for block in at_size(page)["fetch_weights"].values():
        for name in block["weights"]:
            lock.entry(name)


@pytest.mark.parametrize("page", PAGES)
def test_no_feature_has_two_networks(page: str) -> None:
    params = at_size(page)
    assert not set(params["pretrain"]) & set(params["fetch_weights"])


@pytest.mark.long
@pytest.mark.xdist_group("docs-dvc")
def test_dvc_knows_the_targets(tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    for page, targets in PAGES.items():
        (project.root / "params.yaml").write_text(yaml.safe_dump(at_size(page), sort_keys=False), encoding="utf-8")
        write_plan(at_size(page), project.root / "plan.yaml")
        with Repo(os.fspath(project.root)) as repo:
            known = {stage.name for stage in repo.index.stages}
        assert set(targets) <= known, page
        shown = "".join(block.text for block in blocks(text_of(page)))
        assert all(target in shown for target in targets), page


def shown_settings() -> list[Any]:
    """Return every YAML block of every page that holds sections of params.yaml."""
    found = []
    for page in pages():
        for number, block in enumerate(blocks(page.read_text(encoding="utf-8"))):
            content = parsed(block.text, known=True) if block.language == "yaml" else None
            if isinstance(content, dict) and set(content) <= set(PARAMS):
                found.append(pytest.param(content, id=f"{page.stem}-{number}"))
    return found


@pytest.mark.parametrize("block", shown_settings())
def test_every_block_of_settings_parses_in_its_place(block: dict[str, Any]) -> None:
    own = {Path(path).stem for _, path in PLUGINS.values()}
    changed = {section: dict(keys) for section, keys in block.items()}
    for name, system in changed.get("systems", {}).items():
        changed["systems"][name] = {**PARAMS["systems"].get(name, {}), **system}  # or a system of one's own
    for section in changed:  # the plugins that pages show are not here: tests/docs/test_own_plugins.py has them
        shown = {
            name
            for name, keys in changed[section].items()
            if name in own or (isinstance(keys, dict) and keys.get("adapter") in own)
        }
        changed[section] = {name: keys for name, keys in changed[section].items() if name not in shown}
    check(laid_over(PARAMS, changed))


def test_there_are_blocks_of_settings() -> None:
    assert len(shown_settings()) >= 20


def keys(node: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield every dotted key below a node."""
    if isinstance(node, Mapping):
        for name, value in node.items():
            yield ".".join((*path, str(name)))
            yield from keys(value, (*path, str(name)))


def _typed_keys() -> set[str]:
    """Settings that have a default, and need not stand in params.yaml."""
    found = {f"runtime.{name}" for name in Runtime.model_fields}
    for name in PARAMS["end_to_end"]:
        found |= {f"end_to_end.{name}.{key}" for key in EndToEndParams.model_fields}
    for name in PARAMS["systems"]:
        found |= {f"systems.{name}.{key}" for key in SystemParams.model_fields}
    for name in ("<name>", "mine"):
        found |= {f"corpora.{name}.{key}" for key in CorpusParams.model_fields}
    return found


@pytest.mark.parametrize(
    "page", [*PAGES, "gpu-and-cluster", "quickstart", "own-extractor", "own-classifier", "own-fusion-rule"]
)
def test_every_key_that_is_named_exists(page: str) -> None:
    known = set(keys(PARAMS)) | _typed_keys()
    for block in settings_of(page):
        known |= set(keys(block))
    known |= set(keys(at_size(page))) if page in PAGES else set()
    named = {word for word in re.findall(r"`([a-z_]+(?:\.[\w<>]+)+)`", text_of(page)) if word.split(".")[0] in PARAMS}
    assert not {word for word in named if word not in known}, page
    if page in PAGES:
        assert len(named) >= 15
