"""The figures of all reports at a glance: a chart per corpus, with the best model of audio, of video and of both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pipeline.reporting.html.charts import Dots, Mark
from pipeline.reporting.html.page import percent
from pipeline.reporting.overview.reports import Report
from pipeline.reporting.system.modalities import KINDS

_MEASURES = {"Accuracy": ("accuracy", "low", "high"), "UAR": ("uar", "uar_low", "uar_high")}
"""Name of a figure -> its key and those of the ends of its interval."""


def glance(reports: Sequence[Report]) -> dict[str, list[Dots]]:
    """Return corpus -> its charts of accuracy and of UAR; the reports are in the order of their corpora."""
    by_corpus = {corpus: list(own) for corpus, own in groupby(reports, key=lambda report: report.corpus)}
    return {corpus: [_chart(own, measure) for measure in _MEASURES] for corpus, own in by_corpus.items()}


def _chart(reports: Sequence[Report], measure: str) -> Dots:
    rows, said = [], []
    for report in reports:
        chosen = {KINDS[group]: report.scores[name] for group, name in report.setup["chosen"].items()}
        marks = [Mark(kind, *(getattr(score, key) for key in _MEASURES[measure])) for kind, score in chosen.items()]
        rows.append((report.system, marks))
        said.append(f"{report.system}: {', '.join(_words(mark) for mark in marks)}")
    setup = reports[0].setup
    chance = (setup["largest"], "the largest class") if measure == "Accuracy" else (1 / len(setup["classes"]), "chance")
    text = f"{measure} with 95 % intervals. {'; '.join(said)}. Dashed: {chance[1]}, {percent(chance[0])}"
    return Dots.of(measure, text, f"{measure}, %", rows, chance, apart=True)


def _words(mark: Mark) -> str:
    span = f" ({percent(mark.low)} to {percent(mark.high)})" if mark.spans else ""
    return f"{mark.kind} {percent(mark.share)}{span}"
