"""The systems of a corpus beside each other: figures at a glance, and whether the headline of one is better than that
of another, paired by clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, groupby
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.posteriors import read_table, write_table
from pipeline.reporting.html.charts import Dots, Mark
from pipeline.reporting.html.page import percent
from pipeline.reporting.overview.reports import Report
from pipeline.reporting.system.modalities import KINDS
from pipeline.reporting.system.statistics_page import COMPARED as SHOWN
from pipeline.reporting.system.statistics_page import Column
from pipeline.reporting.system.tables import COMPARED, compared, with_holm

DRAWS = 2000
COLUMNS: Sequence[Column] = (("Better", "better", str), ("Than", "than", str), *SHOWN)
"""Of the table on the page."""
_MEASURES = {"Accuracy": ("accuracy", "low", "high"), "UAR": ("uar", "uar_low", "uar_high")}
"""Name of a figure -> its key and those of the ends of its interval."""


def glance(reports: Sequence[Report]) -> dict[str, list[Dots]]:
    """Return corpus -> its charts of accuracy and of UAR, with the best model of audio and of video, and the headline;
    the reports are in the order of their corpora.
    """
    by_corpus = {corpus: list(own) for corpus, own in groupby(reports, key=lambda report: report.corpus)}
    return {corpus: [_chart(own, measure) for measure in _MEASURES] for corpus, own in by_corpus.items()}


def _chart(reports: Sequence[Report], measure: str) -> Dots:
    rows, said = [], []
    for report in reports:
        chosen = {KINDS[group]: report.scores[name] for group, name in report.setup["chosen"].items()}
        marks = [Mark(kind, *(getattr(score, key) for key in _MEASURES[measure])) for kind, score in chosen.items()]
        rows.append((report.system, marks))
        said.append(f"{report.system}: {', '.join(map(_words, marks))}")
    setup = reports[0].setup
    chance = (setup["largest"], "the largest class") if measure == "Accuracy" else (1 / len(setup["classes"]), "chance")
    text = f"{measure} with 95 % intervals. {'; '.join(said)}. Dashed: {chance[1]}, {percent(chance[0])}"
    return Dots.of(measure, text, f"{measure}, %", rows, chance=chance, apart=True)


def _words(mark: Mark) -> str:
    span = f" ({percent(mark.low)} to {percent(mark.high)})" if mark.spans else ""
    return f"{mark.kind} {percent(mark.share)}{span}"


def systems_compared(folder: Path, best: Mapping[str, str]) -> pd.DataFrame:
    """Write `comparisons.csv` into the folder of a corpus's reports, from `best`: system -> the model or fusion that is
    compared; return it.

    One row per pair of systems, the one with more right decisions first: better, than (system: model), clips (that both
    judged), difference (in accuracy), mcnemar_p, permutation_p, and both adjusted by Holm's method for the number of
    pairs.
    """
    rows = {}
    for system, model in best.items():
        frame = read_table(folder / system / "predictions.csv")
        rows[system] = frame[(frame["model"] == model) & (frame["predicted"] != "")]
    found: list[tuple[Any, ...]] = []
    for one, other in combinations(best, 2):
        clips, difference, *tests = compared(rows[one], rows[other], DRAWS)  # both tests are two-sided
        pair = (other, one) if difference < 0 else (one, other)
        found.append((*(f"{system}: {best[system]}" for system in pair), clips, abs(difference), *tests))
    table = with_holm(pd.DataFrame(found, columns=["better", "than", *COMPARED]))
    write_table(folder / "comparisons.csv", table)
    return table
