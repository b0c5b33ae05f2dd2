"""`history.csv` beside a model: how training went, in one line per fold and setting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from pipeline.cli.inspect.csv_table import opened
from pipeline.cli.layout import Part, pairs, table

_FIGURES = ("val_accuracy", "held_out_accuracy")
_STEPS = ("epoch", "iteration", "c")
_MOST = 40


def describe(path: Path) -> list[Part]:
    """Return columns and rows, and for each fold and setting its steps and the first of the best on validation.

    Raises:
        ArtifactError: no table, or damaged
    """
    if not path.read_bytes().strip():
        return ["nothing was trained"]
    with opened(path) as rows:
        columns = rows.columns
        figure, step = (next((name for name in names if name in columns), "") for names in (_FIGURES, _STEPS))
        # a setting that is tried stands before the epochs; one after them, such as a falling learning rate, is a figure
        # of the epoch
        keys = columns[: columns.index(step)] if step else [name for name in columns if name == "fold"]
        steps: Counter[tuple[str, ...]] = Counter()
        best: dict[tuple[str, ...], tuple[float, str]] = {}
        for row in rows:
            key = tuple(row[name] for name in keys)
            steps[key] += 1
            if figure and row[figure] and (key not in best or rows.number(row, figure) > best[key][0]):
                best[key] = rows.number(row, figure), f"{step} {row[step]}" if step else ""
    about = pairs([("columns", ", ".join(columns)), ("rows", steps.total())])
    if not figure or not 0 < len(steps) <= _MOST:
        return [about]
    told = []
    for key, number in steps.items():
        value, at = best.get(key, (None, ""))
        told.append([*key, number, "-" if value is None else f"{value:.4f}", at])
    return [about, "", table([*keys, "steps", f"best {figure}", "at"], told, (*range(len(keys)), len(keys) + 2))]
