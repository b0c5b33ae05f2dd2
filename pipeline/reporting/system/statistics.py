"""Statistics of one report: which model is named as best, what it is compared with, tests and calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.posteriors import write_table
from pipeline.evaluation.bootstrap import SEED
from pipeline.evaluation.groups import Gap, gender_gap
from pipeline.evaluation.metrics import Score, best
from pipeline.reporting.system.statistics_calibration import Calibration, calibration_table, calibrations
from pipeline.reporting.system.statistics_tables import (
    by_gender_table,
    by_speaker_table,
    comparison_table,
    confusion_pairs,
    per_class_table,
)
from pipeline.reporting.system.system_report import SystemReport
from pipeline.systems.params import SystemParams, fusions


@dataclass(frozen=True)
class Statistics:
    """Statistics of one system on one corpus.

    Attributes:
        headline: model or fusion that the page names as best
        reference: what all others are compared with
        calibrations: model or fusion -> its calibration
        per_class: `tables/per_class.csv`
        comparisons: `tables/comparisons.csv`
        by_speaker: `tables/by_speaker.csv`
        by_gender: `tables/by_gender.csv`; empty where the corpus names no gender
        gap: between the genders, of the headline; None unless there are two
        decisions: `plots/confusion.csv`, of the headline
    """

    headline: str
    reference: str
    calibrations: Mapping[str, Calibration]
    per_class: pd.DataFrame
    comparisons: pd.DataFrame
    by_speaker: pd.DataFrame
    by_gender: pd.DataFrame
    gap: Gap | None
    decisions: pd.DataFrame

    @property
    def calibration(self) -> Calibration:
        """Of the headline."""
        return self.calibrations[self.headline]

    def write(self, folder: Path) -> None:
        """Write `tables/` and `plots/` of a report."""
        write_table(folder / "tables" / "per_class.csv", self.per_class)
        write_table(folder / "tables" / "comparisons.csv", self.comparisons)
        write_table(folder / "tables" / "calibration.csv", calibration_table(self.calibrations))
        write_table(folder / "tables" / "by_speaker.csv", self.by_speaker)
        if not self.by_gender.empty:
            write_table(folder / "tables" / "by_gender.csv", self.by_gender)
        bins = self.calibration.reliability
        write_table(folder / "plots" / "confusion.csv", self.decisions)
        write_table(
            folder / "plots" / "reliability.csv", bins.loc[bins["clips"] > 0, ["confidence", "accuracy", "clips"]]
        )
        write_table(folder / "plots" / "selective.csv", self.calibration.selective)


def candidates(settings: SystemParams) -> list[str]:
    """Return what a system is for: models of joint features, then fusions."""
    joint = settings.of("joint")
    models = [name for name in settings.crossed() if name.feature in joint]
    return [*models, *(fusion.name for fusion in fusions(settings))]


def headline(settings: SystemParams, scores: Mapping[str, Score]) -> str:
    """Return the best fusion, or the best model of a system without fusions."""
    return best({name: scores[name] for name in candidates(settings)} or scores)


def statistics_of(report: SystemReport, scores: Mapping[str, Score]) -> Statistics:
    """Return the statistics of a report.

    Args:
        report: what they are about
        scores: model or fusion -> figures

    Raises:
        SettingsError: `report.reference` names nothing of the system
    """
    chosen, classes, params = headline(report.settings, scores), report.classes, report.params
    rows = {name: frame[frame["predicted"] != ""] for name, frame in report.rows().items()}
    reference = _reference(report.system, params.reference.get(report.system, chosen), scores)
    genders = {clip.speaker: clip.gender for clip in report.clips}
    return Statistics(
        headline=chosen,
        reference=reference,
        calibrations=calibrations(rows, report.validation, classes, params.bins),
        per_class=per_class_table(rows, classes),
        comparisons=comparison_table(rows, reference, params.draws),
        by_speaker=by_speaker_table(rows, classes),
        by_gender=by_gender_table(rows, report.clips, classes),
        gap=gender_gap(rows[chosen], genders, params.draws, SEED),
        decisions=confusion_pairs(rows[chosen]),
    )


def _reference(system: str, name: str, scores: Mapping[str, Score]) -> str:
    if name not in scores:
        near = did_you_mean(name, scores)
        raise SettingsError(
            f"params.yaml: report.reference.{system}: '{name}' is no model or fusion of the system{near}"
        )
    return name
