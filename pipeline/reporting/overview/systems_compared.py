"""Is one system better than another on the same corpus: the best of each, paired by clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd

from pipeline.core.posteriors import read_table, write_table
from pipeline.reporting.system.statistics_page import COMPARED as SHOWN
from pipeline.reporting.system.statistics_page import Column
from pipeline.reporting.system.statistics_tables import COMPARED, compared, with_holm

DRAWS = 2000
COLUMNS: Sequence[Column] = (("Better", "better", str), ("Than", "than", str), *SHOWN)
"""Of the table on the page."""


def systems_compared(folder: Path, best: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per pair of systems on one corpus: the one with more right decisions first; and write it there.

    Columns: better, than (system: model), clips (that both judged), difference (in accuracy), mcnemar_p, permutation_p,
        and both adjusted by Holm's method for the number of pairs.

    Args:
        folder: of the corpus's reports; gets `comparisons.csv`
        best: system -> the model or fusion that is compared

    Raises:
        ArtifactError: predictions of a system are absent, or of another version
    """
    rows = {system: _rows(folder / system / "predictions.csv", model) for system, model in best.items()}
    found = [_pair(one, other, best, rows) for one, other in combinations(best, 2)]
    table = with_holm(pd.DataFrame(found, columns=["better", "than", *COMPARED]))
    write_table(folder / "comparisons.csv", table)
    return table


def _rows(path: Path, model: str) -> pd.DataFrame:
    frame = read_table(path)
    return frame[(frame["model"] == model) & (frame["predicted"] != "")]


def _pair(
    one: str, other: str, best: Mapping[str, str], rows: Mapping[str, pd.DataFrame]
) -> tuple[str, str, int, float, float, float]:
    clips, difference, *tests = compared(rows[one], rows[other], DRAWS)
    first, second = (f"{system}: {best[system]}" for system in ((other, one) if difference < 0 else (one, other)))
    return first, second, clips, abs(difference), tests[0], tests[1]  # both tests are two-sided
