"""plan.yaml: which models dvc.yaml has to train and which features to extract for them, worked out from params.yaml.

DVC multiplies lists and cannot ask a system for its own features and classifiers. So this list stands in a file that
dvc.yaml reads, and nobody edits: `python -m pipeline check` and `make repro` renew it. A feature of `extract` or
`extract_crops` is made where a system or a join names it or another stage reads it, a table's for the corpora that have
one: what params.yaml keeps ready costs nothing. All other names of dvc.yaml but those of `prepare` come from here as
well, since here they are checked (pipeline/systems/instances.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.files import atomic_path
from pipeline.core.names import check_name
from pipeline.core.settings import parse, section
from pipeline.features.join import JoinParams, chain
from pipeline.features.table import TableParams
from pipeline.systems.ids import ModelId
from pipeline.systems.instances import instances_of, word_of
from pipeline.systems.params import SystemParams

FILE = "plan.yaml"
END_TO_END = "end_to_end"
"""Classifier of a model that is a network fine-tuned as a whole; a stage of its own trains it."""
READ_BY_STAGES = frozenset({"mfcc39", "logmel"})
"""Features that other features are made from, as dvc.yaml has it: of `extract_speech` and `segments_audio`."""
_HEAD = "# What the stages train and extract. Made from params.yaml by `python -m pipeline check`; do not edit.\n"

Plan = dict[str, dict[str, dict[str, str]]]
"""Stage -> instance -> what dvc.yaml fills in."""


def plan_of(params: Mapping[str, Any]) -> Plan:
    """Return the instances of `train`, `transfer` and `end_to_end`, by the names of corpus, system and model, and those
    of the stages that extract without a network, or join features, by corpus and feature. A SettingsError names a
    mistake in the settings of a system or a join, a classifier without settings, or a name that may be no word of a
    command.
    """
    instances = instances_of(params)
    plan: Plan = {"train": {}, "transfer": {}, END_TO_END: {}}
    plan |= {"extract": {}, "extract_crops": {}, "extract_table": {}, "join": {}}
    systems = {
        name: parse(SystemParams, block, f"params.yaml: systems.{name}").models()
        for name, block in section(params, "systems").items()
    }
    wanted = READ_BY_STAGES | {model.feature for models in systems.values() for model in models}
    joins = _joins(params, wanted)
    wanted |= {feature for join in joins.values() for feature in join.features}
    for corpus in map(str, section(params, "corpora")):
        for system, models in systems.items():
            for model in models:
                stage, item = _item(params, model)
                _put(plan[stage], f"{corpus}-{system}-{model}", {"corpus": corpus, "system": system, **item})
        for stage in ("extract", "extract_crops"):
            for feature in _blocks(params, stage).keys() & wanted:
                plan[stage][f"{corpus}-{feature}"] = {"corpus": corpus, "feature": feature}
        for feature, block in _blocks(params, "extract_table").items():
            tables = parse(TableParams, block, f"params.yaml: extract_table.{feature}").tables
            if feature in wanted and corpus in tables:
                table = word_of(params, f"extract_table.{feature}.tables.{corpus}", "table")
                plan["extract_table"][f"{corpus}-{feature}"] = {"corpus": corpus, "feature": feature, **table}
        for name, join in joins.items():
            for joined, one, other in chain(name, join):
                item = {"corpus": corpus, "name": name, "feature": joined, "one": one, "other": other}
                plan["join"][f"{corpus}-{joined}"] = item
    plan = {stage: dict(sorted(items.items())) if "extract" in stage else items for stage, items in plan.items()}
    return plan | instances


def _put(items: dict[str, dict[str, str]], key: str, item: dict[str, str]) -> None:
    """Add an instance of a stage; SettingsError where two have one name, or a word that may not get into a command."""
    if key in items:
        raise SettingsError(f"params.yaml: two corpora and systems make one name, {key}; rename one without -")
    items[key] = {word: check_name(name, f"params.yaml: {word} of {key}") for word, name in item.items()}


def _joins(params: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, JoinParams]:
    """Return the joins that are wanted; a SettingsError says that one names a feature that no section gives."""
    given = {
        str(name) for key, block in params.items() if key != "join" and isinstance(block, Mapping) for name in block
    }
    found = {}
    for name in sorted(_blocks(params, "join").keys() & set(wanted)):
        found[name] = join = parse(JoinParams, params["join"][name], place := f"params.yaml: join.{name}")
        for feature in join.features:
            if feature not in given:
                raise SettingsError(f"{place}: no section gives '{feature}'{did_you_mean(feature, given)}")
    return found


def _blocks(params: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a section that may be absent or empty."""
    return params.get(name) or {}


def _item(params: Mapping[str, Any], model: ModelId) -> tuple[str, dict[str, str]]:
    if model.classifier == END_TO_END:
        return END_TO_END, {"network": model.feature}
    item = {"feature": model.feature, "classifier": model.classifier}
    pretrained = (section(params, f"train.{model.classifier}") or {}).get("pretrained")
    return ("transfer", {**item, "pretrained": str(pretrained)}) if pretrained else ("train", item)


def write_plan(params: Mapping[str, Any], file: Path) -> bool:
    """Write the plan that params.yaml asks for, and return whether it is another one than before."""
    text = _HEAD + yaml.safe_dump({"plan": plan_of(params)}, default_flow_style=None, sort_keys=False, width=1000)
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return False
    with atomic_path(file) as path:
        path.write_text(text, encoding="utf-8")
    return True


def check_plan(params: Mapping[str, Any], file: Path) -> None:
    """Renew the plan where it is not what params.yaml asks for, and then stop by a SettingsError: DVC has read the old
    one.
    """
    if write_plan(params, file):
        raise SettingsError(
            f"params.yaml asks for other models or features than {file} had; it is renewed: run the same command again"
        )
