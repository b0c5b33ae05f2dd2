"""What the page of one system shows, as plain values for `templates/system.html`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isnan
from typing import Any

import numpy as np

from pipeline.core.ledger import Entry, summary
from pipeline.evaluation.choice import CHOSEN, choice_table
from pipeline.evaluation.metrics import Score, best
from pipeline.reporting.html.page import heat, page_key, warmth
from pipeline.reporting.system.modalities import among, chosen_models, modality_values
from pipeline.reporting.system.notices import notices
from pipeline.reporting.system.seeds import seeds_table, seeds_values
from pipeline.reporting.system.statistics import Statistics
from pipeline.reporting.system.statistics_page import CHOICE, listing, statistics_values, warnings
from pipeline.reporting.system.system_report import SystemReport
from pipeline.reporting.system.tables import score_row
from pipeline.reporting.training_curves import training_chart
from pipeline.systems.contenders import contenders
from pipeline.systems.ids import FusionId, PairId
from pipeline.systems.params import MODALITIES, fusions

FURTHER = "further models"
"""How the page names the models that the system lists as such."""
BASELINES = "baselines: mean and deviation of the networks' own input"
"""How it names those that no network stands behind."""
_ALIKE = "micro-F1"
"""Column of the tables that the page leaves out, since it equals accuracy."""
_NAMED = 3
"""As many fusions with the same line in the ledger are named; more are counted."""


def page_values(
    report: SystemReport, scores: Mapping[str, Score], confusions: Mapping[str, np.ndarray], statistics: Statistics
) -> dict[str, Any]:
    """Return the values of the template, except the paper's tables, from the figures, confusion matrices (C, C) and
    statistics of every model or fusion.
    """
    top = statistics.best_on_test
    largest_name, largest = report.largest
    # each feature once; twice where its models began from other weights
    weights = {tuple(row[key] for key in ("feature", "dimension", "weights", "origin")): row for row in report.about}
    return {
        "corpus": report.corpus,
        "system": report.system,
        "clips": len(report.clips),
        "speakers": len({clip.speaker for clip in report.clips}),
        "classes": report.classes,
        "protocol": report.protocol,
        "bootstrap": report.params.bootstrap,
        "largest": largest,
        "largest_name": largest_name,
        "notices": notices(report.about, report.generated),
        "warnings": warnings(report),
        "key": page_key(report.corpus, report.system),
        "best": {"name": CHOSEN, "interval": not isnan(scores[CHOSEN].low), **asdict(scores[CHOSEN])},
        "on_test": {"name": top, **asdict(scores[top])},
        "contenders": len(contenders(report.settings)),
        "only": next(iter(report.choice.values()), ""),
        "among": max(among(report.settings).values()),
        "choice": listing(choice_table(report.validation, contenders(report.settings), report.choice), CHOICE),
        "models": [
            {"title": words, "rows": [_figures(name, scores[name]) for name in names]}
            for words, names in by_modality(report).items()
        ],
        "columns": [name for name in score_row("", scores[CHOSEN]) if name != _ALIKE],
        "matrix": _matrix(report, scores),
        "combined": _combined(report, scores),
        "statistics": statistics_values(report, statistics, scores),
        "confusions": _best_models(report, scores, confusions),
        "helped": modality_values(chosen_models(report.settings, scores), statistics.per_class, report.classes),
        "seeds": seeds_values(seeds_table(report.seeds, report.classes)) if report.seeds else None,
        "training": [training_chart(name, curve) for name, curve in report.curves.items()],
        "weights": list(weights.values()),
        "ledger": ledger_lines(report.ledger),
    }


def by_modality(report: SystemReport) -> dict[str, list[str]]:
    """Return the models of one feature by modality, the further ones last; groups without a model are left out."""
    settings, groups = report.settings, dict[str, list[str]]()
    for modality, words in MODALITIES.items():
        features = settings.of(modality)
        groups[words] = [str(name) for name in settings.crossed() if name.feature in features]
    groups[FURTHER] = [name for name in settings.also if name not in settings.baselines]
    groups[BASELINES] = list(settings.baselines)
    return {words: names for words, names in groups.items() if names}


def _figures(name: str, found: Score) -> list[str]:
    """Return a model's row on the page."""
    return [text for column, text in score_row(name, found).items() if column != _ALIKE]


def _matrix(report: SystemReport, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return accuracies of all fusions of pairs: pairs in rows, methods in columns."""
    wanted = [(fusion.name, fusion.name.pair) for fusion in fusions(report.settings) if fusion.name.pair]
    heads = {name.method: {"rule": name.rule, "over": list(name.over)} for name, _ in wanted}
    warm = warmth([scores[name].accuracy for name, _ in wanted])
    top = best({name: scores[name] for name, _ in wanted}) if wanted else ""
    by_pair: dict[PairId, list[dict[str, Any]]] = {}
    for (name, pair), warmed in zip(wanted, warm, strict=True):
        cell = {"accuracy": scores[name].accuracy, "warmth": warmed, "best": name == top, "score": scores[name]}
        by_pair.setdefault(pair, []).append(cell)
    rows = [{"features": p.features, "classifier": p.classifier, "cells": cells} for p, cells in by_pair.items()]
    return {"heads": list(heads.values()), "rows": rows, "stacked": any(head["over"] for head in heads.values())}


def _combined(report: SystemReport, scores: Mapping[str, Score]) -> list[dict[str, Any]]:
    """Return the combined fusions in their order: name, rule, parts and figures."""
    names = {FusionId.combined(name, each.rule): (name, each) for name, each in report.settings.combined.items()}
    top = best({name: scores[name] for name in names}) if names else ""
    return [
        {
            "name": short,
            "rule": each.rule,
            "parts": each.of,
            "figures": _figures(name, scores[name])[1:],
            "best": name == top and len(names) > 1,
        }
        for name, (short, each) in names.items()
    ]


def _best_models(
    report: SystemReport, scores: Mapping[str, Score], confusions: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Return the confusion matrices of the headline, and of the best model of each modality and of the further ones."""
    named = {words: best({name: scores[name] for name in names}) for words, names in by_modality(report).items()}
    return [
        {"title": f"{words}: {name}", "score": scores[name], "rows": heat(confusions[name], report.classes)}
        for words, name in {"headline": CHOSEN, **named}.items()
    ]


def ledger_lines(ledger: Sequence[Entry]) -> list[dict[str, str]]:
    """Return one line per stage; stages of a kind whose counts agree share one."""
    by_stage: dict[str, list[Entry]] = {}
    for entry in ledger:
        by_stage.setdefault(entry.stage, []).append(entry)
    groups: dict[tuple[str, str], list[str]] = {}
    for stage in sorted(by_stage):
        kind, _, name = stage.partition(":")
        groups.setdefault((kind, summary(by_stage[stage])), []).append(name)
    lines = []
    for (kind, text), names in groups.items():
        many = kind == "fuse" and len(names) > _NAMED
        named = f"{len(names)} fusions" if many else ", ".join(names)
        lines.append({"stage": f"{kind}: {named}" if named else kind, "summary": text})
    return lines
