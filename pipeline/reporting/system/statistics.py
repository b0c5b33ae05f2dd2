"""Statistics of one report: what is best on the test clips, what all are compared with, tests and calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.posteriors import write_table
from pipeline.evaluation.bootstrap import SEED
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.groups import Gap, gender_gap
from pipeline.evaluation.metrics import Score, best
from pipeline.reporting.system.statistics_calibration import Calibration, calibration_table, calibrations
from pipeline.reporting.system.system_report import SystemReport
from pipeline.reporting.system.tables import (
    by_fold_table,
    by_gender_table,
    by_speaker_table,
    comparison_table,
    per_class_table,
)
from pipeline.systems.contenders import contenders
from pipeline.systems.params import SystemParams, fusions


@dataclass(frozen=True)
class Statistics:
    """Statistics of one system on one corpus; a table is that of the name in `tables/`."""

    best_on_test: str  # model or fusion; the headline is what validation clips chose
    reference: str  # what all others are compared with
    calibrations: Mapping[str, Calibration]  # by model or fusion
    per_class: pd.DataFrame
    comparisons: pd.DataFrame
    by_speaker: pd.DataFrame
    by_fold: pd.DataFrame
    by_gender: pd.DataFrame  # empty where the corpus names no gender
    gap: Gap | None  # between the genders, of the headline; None unless there are two
    decisions: pd.DataFrame  # `plots/confusion.csv`, of the headline: actual, predicted, as DVC plots them

    def write(self, folder: Path) -> None:
        """Write `tables/` and `plots/` of a report."""
        sure = self.calibrations[CHOSEN]
        tables = {
            "tables/per_class": self.per_class,
            "tables/comparisons": self.comparisons,
            "tables/calibration": calibration_table(self.calibrations),
            "tables/by_speaker": self.by_speaker,
            "tables/by_fold": self.by_fold,
            **({} if self.by_gender.empty else {"tables/by_gender": self.by_gender}),
            "plots/confusion": self.decisions,
            "plots/reliability": sure.reliability.query("clips > 0")[["confidence", "accuracy", "clips"]],
            "plots/selective": sure.selective,
        }
        for name, table in tables.items():
            write_table(folder / f"{name}.csv", table)


def candidates(settings: SystemParams) -> list[str]:
    """Return what a system is for: models of joint features, then fusions."""
    joint = settings.of("joint")
    models = [name for name in settings.crossed() if name.feature in joint]
    return [*models, *(fusion.name for fusion in fusions(settings))]


def best_on_test(settings: SystemParams, scores: Mapping[str, Score]) -> str:
    """Return which of those that the headline is chosen among is the best on test clips: flattered by the choice."""
    return best({name: scores[name] for name in contenders(settings)})


def statistics_of(report: SystemReport, scores: Mapping[str, Score]) -> Statistics:
    """Return the statistics of a report, from the figures of every model or fusion; a SettingsError says that
    `report.reference` names none of these.
    """
    classes, params, rows = report.classes, report.params, report.judged()
    reference = params.reference.get(report.system, CHOSEN)
    if reference not in scores:
        wrong = f"'{reference}' is no model or fusion of the system{did_you_mean(reference, scores)}"
        raise SettingsError(f"params.yaml: report.reference.{report.system}: {wrong}")
    genders = {clip.speaker: clip.gender for clip in report.clips}
    decided = rows[CHOSEN][["emotion", "predicted"]].rename(columns={"emotion": "actual"})
    return Statistics(
        best_on_test=best_on_test(report.settings, scores),
        reference=reference,
        calibrations=calibrations(rows, report.with_chosen(report.validation), classes, params.bins),
        per_class=per_class_table(rows, classes),
        comparisons=comparison_table(rows, reference, params.draws),
        by_speaker=by_speaker_table(rows, classes),
        by_fold=by_fold_table(rows, classes),
        by_gender=by_gender_table(rows, report.clips, classes),
        gap=gender_gap(rows[CHOSEN], genders, params.draws, SEED),
        decisions=decided.reset_index(drop=True),
    )
