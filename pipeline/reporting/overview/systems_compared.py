"""The systems of a corpus beside each other: figures at a glance, and whether the headline of one is better than that
of another, paired by clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby
from math import isnan
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.decimals import percent
from pipeline.core.posteriors import read_table, write_table
from pipeline.reporting.html.charts import Dots, Mark
from pipeline.reporting.overview.reports import Report
from pipeline.reporting.system.modalities import KINDS
from pipeline.reporting.system.statistics_page import COMPARED as SHOWN
from pipeline.reporting.system.statistics_page import Column
from pipeline.reporting.system.tables import COMPARED, compared, with_holm

DRAWS = 2000


def _system(compared: str) -> str:
    return compared.partition(": ")[0]


COLUMNS: Sequence[Column] = (("Better", "better", _system), ("Than", "than", _system), *SHOWN)
"""Of the table on the page, which is of headlines; the file names them, too."""


@dataclass(frozen=True)
class Glance:
    """The chart of one corpus, and the kinds of marks that are drawn in it."""

    chart: Dots
    kinds: Mapping[str, str]  # kind -> its name in the legend


def glance(reports: Sequence[Report]) -> dict[str, Glance]:
    """Return corpus -> its chart of UAR, with the best model of audio and of video, and the headline of each system;
    the reports are in the order of their corpora.
    """
    by_corpus = {corpus: list(own) for corpus, own in groupby(reports, key=lambda report: report.corpus)}
    return {corpus: _glance(own) for corpus, own in by_corpus.items()}


def _glance(reports: Sequence[Report]) -> Glance:
    rows, said = [], []
    for report in reports:
        chosen = {KINDS[group]: report.scores[name] for group, name in report.setup["chosen"].items()}
        marks = [Mark(kind, score.uar, score.uar_low, score.uar_high) for kind, score in chosen.items()]
        rows.append((report.system, marks))
        said.append(f"{report.system}: {', '.join(map(_words, marks))}")
    chance = 1 / len(reports[0].setup["classes"])
    text = f"UAR with 95 % intervals. {'; '.join(said)}. Dashed: chance, {percent(chance)}"
    drawn = {mark.kind for _, marks in rows for mark in marks if not isnan(mark.share)}
    best = {group: max(report.setup["among"].get(group, 0) for report in reports) > 1 for group in KINDS}
    names = {kind: f"{'best ' * best[group]}{kind} model" for group, kind in KINDS.items() if group != "fused"}
    kinds = {kind: names.get(kind, kind) for kind in KINDS.values() if kind in drawn}
    chart = Dots.of("UAR", text, "UAR, %", rows, chance=(chance, f"chance, {percent(chance)}"), apart=True)
    return Glance(chart, kinds)


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
