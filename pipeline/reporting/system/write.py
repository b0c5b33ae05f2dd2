"""Everything that `reports/<corpus>/<system>/` holds, from the predictions of one system on one corpus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.decimals import KEPT
from pipeline.core.files import write_json
from pipeline.core.ledger import write_ledger
from pipeline.core.posteriors import write_table
from pipeline.evaluation.choice import CHOSEN, choice_table
from pipeline.evaluation.metrics import Score, best, confusion, rounded
from pipeline.reporting.html.page import CONTENTS, FURTHER, SECTION, page_base, render
from pipeline.reporting.papers.by_system import paper_of
from pipeline.reporting.papers.paper import Results
from pipeline.reporting.system.learning import LEAST_P, learning
from pipeline.reporting.system.modalities import among, chosen_models, parts_of
from pipeline.reporting.system.notices import graver_notices, made_here
from pipeline.reporting.system.seeds import seeds_table
from pipeline.reporting.system.statistics import candidates, statistics_of
from pipeline.reporting.system.system_page import FURTHER as FURTHER_MODELS
from pipeline.reporting.system.system_page import by_modality, page_values
from pipeline.reporting.system.system_report import SystemReport
from pipeline.reporting.system.tables import score_table
from pipeline.reporting.training_curves import write_curves
from pipeline.systems.contenders import contenders
from pipeline.systems.ids import FusionId
from pipeline.systems.params import methods
from pipeline.training.learning import NEAR

_COMPARED = ("accuracy", "uar", "macro_f1", "macro_precision", "ece")
"""Figures of metrics.json."""


def write_report(report: SystemReport, folder: Path) -> dict[str, Score]:
    """Write all files of the report's folder, the best of each modality into metrics.json; return the scores."""
    scores, classes = report.scores(), report.classes
    confusions = {
        name: confusion(frame["emotion"].tolist(), frame["predicted"].tolist(), classes)
        for name, frame in report.judged().items()
    }
    statistics = statistics_of(report, scores)
    sure = {name: {**found.before, "aurc": found.aurc} for name, found in statistics.calibrations.items()}
    figures = {name: {**asdict(found), **sure[name]} for name, found in scores.items()}
    write_json(folder / "scores.json", {name: _exact(found) for name, found in figures.items()})
    write_json(folder / "metrics.json", _summary(report, scores, figures))
    write_table(folder / "predictions.csv", report.with_chosen(report.predictions))
    write_table(
        folder / "tables" / "choice.csv", choice_table(report.validation, contenders(report.settings), report.choice)
    )
    write_ledger(folder / "ledger.csv", report.ledger)
    write_table(folder / "tables" / "scores.csv", score_table(scores))
    statistics.write(folder)
    if report.seeds:
        write_table(folder / "tables" / "seeds.csv", seeds_table(report.seeds, classes))
    learned = learning(report)
    write_table(folder / "tables" / "learning.csv", learned.trainings)
    write_table(folder / "tables" / "baselines.csv", learned.baselines)
    write_curves(folder / "plots" / "training", report.curves)
    for name, counts in confusions.items():
        frame = pd.DataFrame(counts, index=pd.Index(classes, name="truth"), columns=classes)
        write_table(folder / "confusion" / f"{name}.csv", frame.reset_index())
    write_json(
        folder / "setup.json", {**_setup(report, statistics.best_on_test, scores), "unlearned": learned.unlearned}
    )
    paper = _write_paper(folder / "tables", report, scores, confusions)
    values = {**page_values(report, scores, confusions, statistics), "paper": paper}
    values |= {"unlearned": learned.unlearned, "learning": learned.values(), "near": NEAR, "least_p": LEAST_P}
    render("system.html", folder / "index.html", **values, base="", contents="", further="")
    base = page_base(report.system)
    render("system_body.html", folder / SECTION, **values, base=base, contents=CONTENTS, further=FURTHER)
    return scores


def _exact(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Return figures for JSON, None for NaN; rounded is what a reader sees of them, once."""
    return {key: None if isnan(value) else round(value, KEPT) for key, value in figures.items()}


def _setup(report: SystemReport, on_test: str, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return what the page over all reports must know of this one beside its figures."""
    return {
        "protocol": report.protocol,
        "speaker_dependent": report.speaker_dependent,
        "notices": graver_notices(report.about, report.generated),
        "made_here": made_here(report.about),
        "classes": report.classes,
        "largest": report.largest[1],
        "methods": methods(report.settings),
        "baselines": [*report.settings.baselines],
        "chosen": chosen_models(report.settings, scores),
        "parts": parts_of(report.settings, report.choice.values(), scores),
        "choice": report.choice,
        "on_test": on_test,
        "contenders": len(contenders(report.settings)),
        "among": among(report.settings),
        "run": report.run,
    }


def _summary(
    report: SystemReport, scores: Mapping[str, Score], figures: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, Any]]:
    """Return what two runs are compared by, for `dvc metrics diff` and `dvc exp show`; the rest is in `scores.json`.

    Group, those without a model left out -> the name of its best model on test clips, in `headline` what validation
    clips chose, accuracy, UAR, macro-F1, macro precision and calibration error; and of every model of one feature and
    combined fusion, under `models`, accuracy and UAR, so that a change shows which is not the best one's.
    """
    known, shown = by_modality(report), {name: rounded(each) for name, each in figures.items()}
    groups = {
        "audio": known.get("audio"),
        "video": known.get("video"),
        "further": known.get(FURTHER_MODELS),
        "fused": candidates(report.settings),
        "headline": [CHOSEN],
    }
    found: dict[str, dict[str, Any]] = {}
    for group, names in groups.items():
        if names:
            name = best({name: scores[name] for name in names})
            found[group] = {"model": name, **{key: shown[name][key] for key in _COMPARED}}
    combined = [FusionId.combined(name, each.rule) for name, each in report.settings.combined.items()]
    single = [*report.settings.models(), *combined]
    return {**found, "models": {name: {key: shown[name][key] for key in ("accuracy", "uar")} for name in single}}


def _write_paper(
    folder: Path, report: SystemReport, scores: Mapping[str, Score], confusions: Mapping[str, np.ndarray]
) -> dict[str, Any] | None:
    """Write the tables and figures of the system's paper; return the page's values, None for a system without one."""
    results = Results(
        corpus=report.corpus,
        adapter=report.described.source.adapter,
        settings=report.settings,
        classes=report.classes,
        scores=scores,
        confusions=confusions,
        differences=report.micro_f1_differences(),
        learned=report.learned,
        feedback=report.feedback,
        clips=report.clips,
        folds=report.folds,
        sides=frozenset(clip.split for clip in report.tested),
    )
    paper = paper_of(report.system, results)
    if paper is None:
        return None
    tables, figures = paper.tables(), paper.figures()
    for table in tables:
        write_table(folder / f"{table.stem}.csv", table.frame())
        write_table(folder / f"{table.stem}_details.csv", table.details())
    for figure in figures:
        for stem, frame in figure.frames.items():
            write_table(folder / f"{stem}.csv", frame)
    return {"note": paper.note, "tables": tables, "figures": figures}
