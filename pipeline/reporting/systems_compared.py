"""Is one system better than another on the same corpus: the best of each, paired by clip."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import pandas as pd

from pipeline.intervals import SEED
from pipeline.posteriors import read_table, write_table
from pipeline.reporting.statistics_page import p_text, points
from pipeline.statistics.paired import holm, mcnemar, paired, permutation

DRAWS = 2000
COLUMNS = ("better", "than", "clips", "points", "McNemar p", "Holm", "by speaker p", "Holm")


def systems_compared(folder: Path, best: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per pair of systems on one corpus: the one with more right decisions first; and write it there.

    Columns: better, than (system: model), clips (that both judged), difference (in accuracy), mcnemar_p, permutation_p, and
    both adjusted by Holm's method for the number of pairs.

    Args:
        folder: of the corpus's reports; gets `comparisons.csv`
        best: system -> the model or fusion that is compared

    Raises:
        ArtifactError: predictions of a system are absent, or of another version
    """
    rows = {system: _rows(folder / system / "predictions.csv", model) for system, model in best.items()}
    found = [_pair(one, other, best, rows) for one, other in combinations(best, 2)]
    table = pd.DataFrame(found, columns=["better", "than", "clips", "difference", "mcnemar_p", "permutation_p"])
    table = table.assign(**{f"{key}_holm": holm(table[key].tolist()) for key in ("mcnemar_p", "permutation_p")})
    write_table(folder / "comparisons.csv", table)
    return table


def _rows(path: Path, model: str) -> pd.DataFrame:
    frame = read_table(path)
    return frame[(frame["model"] == model) & (frame["predicted"] != "")]


def _pair(one: str, other: str, best: Mapping[str, str], rows: Mapping[str, pd.DataFrame]) -> tuple[str, str, int, float, float, float]:
    both = paired(rows[one], rows[other])
    if both["one"].sum() < both["other"].sum():
        one, other, both = other, one, both.rename(columns={"one": "other", "other": "one"})
    first, second, speakers = (both[key].to_numpy(kind) for key, kind in (("one", bool), ("other", bool), ("speaker", str)))
    difference = float(first.mean() - second.mean()) if len(both) else float("nan")
    names = [f"{system}: {best[system]}" for system in (one, other)]
    return names[0], names[1], len(both), difference, mcnemar(first, second), permutation(first, second, speakers, DRAWS, SEED)


def as_text(table: pd.DataFrame) -> list[list[str]]:
    """Return the rows as text, in the order of `COLUMNS`."""
    tests = ("mcnemar_p", "mcnemar_p_holm", "permutation_p", "permutation_p_holm")
    return [[row["better"], row["than"], str(row["clips"]), points(row["difference"]), *(p_text(row[key]) for key in tests)] for row in table.to_dict("records")]
