"""`history.csv` beside a model: how training went, in one line per fold and setting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pipeline.cli.inspect.rows import opened
from pipeline.runner.terminal import pairs, table

_FIGURES = ("val_accuracy", "held_out_accuracy")
_STEPS = ("epoch", "iteration")
_MOST = 40


@dataclass
class _Run:
    """Steps of one fold and setting, and the best of them."""

    steps: int = 0
    best: float = float("-inf")
    at: str = ""


def describe(path: Path) -> list[str]:
    """Return columns and rows, and for each fold and setting its steps and the first of the best on validation.

    Raises:
        ArtifactError: no table, or damaged
    """
    if not path.read_bytes().strip():
        return ["nothing was trained"]
    with opened(path) as rows:
        columns = rows.columns
        figure = next((name for name in _FIGURES if name in columns), "")
        # a setting that is tried stands before the epochs; one after them, such as a falling learning rate, is a figure
        # of the epoch
        step = next((name for name in (*_STEPS, "c") if name in columns), "")
        keys = columns[: columns.index(step)] if step else [name for name in columns if name == "fold"]
        runs: dict[tuple[str, ...], _Run] = {}
        for row in rows:
            run = runs.setdefault(tuple(row[name] for name in keys), _Run())
            run.steps += 1
            if figure and row[figure] and (value := rows.number(row, figure)) > run.best:
                run.best, run.at = value, f"{step} {row[step]}" if step else ""
    lines = pairs([("columns", ", ".join(columns)), ("rows", sum(run.steps for run in runs.values()))])
    if not figure or not 0 < len(runs) <= _MOST:
        return lines
    told = [
        [*key, run.steps, f"{run.best:.4f}" if run.at or run.best >= 0 else "-", run.at] for key, run in runs.items()
    ]
    return [*lines, "", *table([*keys, "steps", f"best {figure}", "at"], told, (*range(len(keys)), len(keys) + 2))]
