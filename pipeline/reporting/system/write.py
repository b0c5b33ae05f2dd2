"""Everything that `reports/<corpus>/<system>/` holds, from the predictions of one system on one corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.files import write_json
from pipeline.core.ledger import write_ledger
from pipeline.core.posteriors import write_table
from pipeline.evaluation.metrics import Score, best, confusion
from pipeline.reporting.html.page import CONTENTS, FURTHER, SECTION, page_base, render
from pipeline.reporting.papers.by_system import paper_of
from pipeline.reporting.papers.paper import Paper, Results
from pipeline.reporting.system.modalities import chosen_models, parts_of
from pipeline.reporting.system.statistics import Statistics, candidates, statistics_of
from pipeline.reporting.system.statistics_calibration import Calibration
from pipeline.reporting.system.system_page import FURTHER as FURTHER_MODELS
from pipeline.reporting.system.system_page import by_modality, graver_notices, made_here, page_values, paper_values
from pipeline.reporting.system.system_report import SystemReport
from pipeline.reporting.system.tables import score_table
from pipeline.reporting.system.training_curves import write_curves
from pipeline.systems.ids import FusionId
from pipeline.systems.params import methods

_COMPARED = ("accuracy", "uar", "macro_f1", "ece")
"""Figures of metrics.json."""


def write_report(report: SystemReport, folder: Path) -> dict[str, Score]:
    """Write all files of the report's folder, the best of each modality into metrics.json; return the scores.

    Raises:
        SettingsError: `report.reference` names nothing of the system
    """
    scores, confusions = report.scores(), _confusions(report)
    statistics = statistics_of(report, scores)
    write_json(folder / "scores.json", _figures(scores, statistics))
    write_json(folder / "metrics.json", _summary(_groups(report), _single(report), scores, statistics.calibrations))
    write_json(folder / "setup.json", _setup(report, statistics.headline, scores))
    write_table(folder / "predictions.csv", report.predictions)
    write_ledger(folder / "ledger.csv", report.ledger)
    write_table(folder / "tables" / "scores.csv", score_table(scores))
    statistics.write(folder)
    write_curves(folder / "plots" / "training", report.curves)
    for name, counts in confusions.items():
        frame = pd.DataFrame(counts, index=pd.Index(report.classes, name="truth"), columns=report.classes)
        write_table(folder / "confusion" / f"{name}.csv", frame.reset_index())
    paper = paper_of(report.system, _results(report, scores, confusions))
    if paper is not None:
        _write_paper(folder / "tables", paper)
    values = {**page_values(report, scores, confusions, statistics), "paper": paper_values(paper)}
    render("system.html", folder / "index.html", **values, level=1, base="", contents="", further="")
    render(
        "system_body.html",
        folder / SECTION,
        **values,
        level=2,
        base=page_base(report.corpus, report.system),
        contents=CONTENTS,
        further=FURTHER,
    )
    return scores


def _setup(report: SystemReport, headline: str, scores: Mapping[str, Score]) -> dict[str, Any]:
    """Return what the page over all reports must know of this one beside its figures."""
    largest = Counter(clip.emotion for clip in report.clips).most_common(1)[0][1]
    return {
        "protocol": report.protocol,
        "speaker_dependent": report.speaker_dependent,
        "notices": graver_notices(report.about, report.generated),
        "made_here": made_here(report.about),
        "classes": report.classes,
        "largest": largest / len(report.clips),
        "methods": methods(report.settings),
        "chosen": chosen_models(report.settings, headline, scores),
        "parts": parts_of(report.settings, headline, scores),
    }


def _results(report: SystemReport, scores: Mapping[str, Score], confusions: Mapping[str, np.ndarray]) -> Results:
    tested = {clip_id for fold in report.folds.values() for clip_id, part in fold.items() if part == "test"}
    return Results(
        corpus=report.corpus,
        adapter=report.described.source.adapter,
        settings=report.settings,
        classes=report.classes,
        scores=scores,
        confusions=confusions,
        differences=report.micro_f1_differences(),
        learned=report.learned,
        feedback=report.feedback,
        sides=frozenset(clip.split for clip in report.clips if clip.clip_id in tested),
    )


def _groups(report: SystemReport) -> dict[str, list[str]]:
    """Return modality -> its models, the further ones under `further`, and all fusions under `fused`."""
    found = by_modality(report)
    groups = {
        name: found.get(words, [])
        for name, words in (("audio", "audio"), ("video", "video"), ("further", FURTHER_MODELS))
    }
    return {**groups, "fused": candidates(report.settings)}


def _summary(
    groups: Mapping[str, Sequence[str]],
    models: Sequence[str],
    scores: Mapping[str, Score],
    calibrations: Mapping[str, Calibration],
) -> dict[str, dict[str, Any]]:
    """Return what two runs are compared by, for `dvc metrics diff` and `dvc exp show`; the rest is in `scores.json`.

    Group -> the name of its best model, accuracy, UAR, macro-F1 and calibration error; and of every model of one
    feature, under `models`, accuracy and UAR, so that a change shows which is not the best one's.

    Args:
        groups: such as audio, video and fused -> names of models; empty ones are left out
        models: names of the models of one feature, and of whatever else is to be seen one by one
        scores: model or fusion -> figures
        calibrations: model or fusion -> its calibration
    """
    found: dict[str, dict[str, Any]] = {}
    for group, names in groups.items():
        if names:
            name = best({name: scores[name] for name in names})
            figures = {**scores[name].rounded(), **calibrations[name].rounded()}
            found[group] = {"model": name, **{key: figures[key] for key in _COMPARED}}
    rounded = {name: scores[name].rounded() for name in models}
    return {
        **found,
        "models": {name: {key: each[key] for key in ("accuracy", "uar")} for name, each in rounded.items()},
    }


def _single(report: SystemReport) -> list[str]:
    combined = [FusionId.combined(name, each.rule) for name, each in report.settings.combined.items()]
    return [*report.settings.models(), *combined]


def _confusions(report: SystemReport) -> dict[str, np.ndarray]:
    rows = report.rows().items()
    judged = {name: frame[frame["predicted"] != ""] for name, frame in rows}
    return {n: confusion(f["emotion"].tolist(), f["predicted"].tolist(), report.classes) for n, f in judged.items()}


def _figures(scores: Mapping[str, Score], statistics: Statistics) -> dict[str, dict[str, float | None]]:
    return {name: {**found.rounded(), **statistics.calibrations[name].rounded()} for name, found in scores.items()}


def _write_paper(folder: Path, paper: Paper) -> None:
    for table in paper.tables():
        write_table(folder / f"{table.stem}.csv", table.frame())
        write_table(folder / f"{table.stem}_details.csv", table.details())
    for figure in paper.figures():
        for stem, frame in figure.frames.items():
            write_table(folder / f"{stem}.csv", frame)
