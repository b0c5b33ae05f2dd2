"""The figures of all reports at a glance: a chart per corpus, with the best model of sound, of the picture and of both."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Any

from pipeline.reporting.html.dots import Dots, Mark
from pipeline.reporting.html.page import percent
from pipeline.reporting.overview.reports import Report, number
from pipeline.reporting.system.modalities import KINDS

_MEASURES = (("accuracy", "low", "high"), ("uar", "uar_low", "uar_high"))
"""Figure and the ends of its interval."""
_NAMES = {"accuracy": "Accuracy", "uar": "UAR"}


def glance(reports: Sequence[Report]) -> dict[str, Any]:
    """Return corpus -> its charts of accuracy and of UAR."""
    by_corpus: dict[str, list[Report]] = {}
    for report in reports:
        by_corpus.setdefault(report.corpus, []).append(report)
    return {corpus: [_chart(own, *measure) for measure in _MEASURES] for corpus, own in by_corpus.items()}


def _chart(reports: Sequence[Report], measure: str, low: str, high: str) -> Dots:
    rows, said = [], []
    for report in reports:
        marks = [_mark(report, group, measure, low, high) for group in report.setup["chosen"]]
        rows.append((report.system, marks))
        said.append(f"{report.system}: {', '.join(_words(mark) for mark in marks)}")
    setup = reports[0].setup
    chance = (setup["largest"], "the largest class") if measure == "accuracy" else (1 / len(setup["classes"]), "chance")
    text = f"{_NAMES[measure]} with 95 % intervals. {'; '.join(said)}. Dashed: {chance[1]}, {percent(chance[0])}"
    return Dots(_NAMES[measure], text, f"{_NAMES[measure]}, %", rows, chance, apart=True)


def _mark(report: Report, group: str, measure: str, low: str, high: str) -> Mark:
    figures = report.scores[report.setup["chosen"][group]]
    return Mark(KINDS[group], *(number(figures, key) for key in (measure, low, high)))


def _words(mark: Mark) -> str:
    span = "" if isnan(mark.low) else f" ({percent(mark.low)} to {percent(mark.high)})"
    return f"{mark.kind} {percent(mark.share)}{span}"
