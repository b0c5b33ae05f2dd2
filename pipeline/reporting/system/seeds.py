"""Several seeds of one model: mean and deviation of its figures over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.core.decimals import decimal
from pipeline.core.posteriors import SEEDS, read_table
from pipeline.evaluation.metrics import confusion, uar
from pipeline.reporting.html.page import Listing

COLUMNS = ("model", "seeds", "accuracy", "accuracy_deviation", "uar", "uar_deviation")


def read_seeds(models: Path, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Return model -> the rows of test clips by each seed, of the models that were trained with several."""
    paths = {name: models / name / SEEDS for name in names}
    return {name: read_table(path) for name, path in paths.items() if path.is_file()}


def seeds_table(by_seed: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model: seeds, accuracy and UAR over all test clips as mean and deviation (N - 1) over them.

    >>> said = ["sad", "sad", "sad", "anger"]
    >>> rows = pd.DataFrame({"seed": [0, 0, 1, 1], "emotion": ["sad", "anger"] * 2, "predicted": said})
    >>> seeds_table({"a60-lstm": rows}, ["anger", "sad"]).round(3).to_dict("list")
    {'model': ['a60-lstm'], 'seeds': [2], 'accuracy': [0.75], 'accuracy_deviation': [0.354], 'uar': [0.75], \
'uar_deviation': [0.354]}
    """
    found = []
    for name, frame in by_seed.items():
        counts = [confusion(rows["emotion"], rows["predicted"], classes) for _, rows in frame.groupby("seed")]
        figures = pd.DataFrame({"accuracy": [c.trace() / c.sum() for c in counts], "uar": [uar(c) for c in counts]})
        mean, deviation = figures.mean(), figures.std()
        found.append((name, len(counts), mean["accuracy"], deviation["accuracy"], mean["uar"], deviation["uar"]))
    return pd.DataFrame(found, columns=list(COLUMNS))


def seeds_values(table: pd.DataFrame) -> Listing:
    """Return the table as a page shows it."""

    def shown(row: Any, figure: str) -> str:
        return f"{decimal(row[figure])} ± {decimal(row[f'{figure}_deviation'])}"

    rows = [
        [row["model"], str(row["seeds"]), shown(row, "accuracy"), shown(row, "uar")] for row in table.to_dict("records")
    ]
    return Listing("", ["Model", "Seeds", "Accuracy", "UAR"], rows)
