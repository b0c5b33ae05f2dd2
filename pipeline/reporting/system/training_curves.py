"""Training curves: one table per model for `dvc plots`, mean over the folds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from pipeline.core.posteriors import write_table

STEPS = ("epoch", "iteration")
NO_CURVE = "no_model_learns_step_by_step"
"""Name of the table where there is no curve."""
_CURVES = ("loss", "val_loss", "val_accuracy")


def training_curve(history: pd.DataFrame) -> pd.DataFrame | None:
    """Return step, folds (that had not stopped before), and what the history has of loss, val_loss and val_accuracy.

    Of several candidates, such as learning rates, the one with the lowest validation loss of each fold is taken.

    Args:
        history: `history.csv` of a model: fold, epoch or iteration, ...

    Returns:
        None for a model that is not trained step by step, or not at all
    """
    step = next((name for name in STEPS if name in history), None)
    if step is None or "val_loss" not in history or history.empty:
        return None
    chosen = pd.concat([_best(rows, step) for _, rows in history.groupby("fold")])
    curves = [name for name in _CURVES if name in chosen]
    by_step = chosen.groupby(step)
    return (
        by_step[curves]
        .mean()
        .assign(folds=by_step.size())
        .rename_axis("step")
        .reset_index()[["step", "folds", *curves]]
    )


def _best(rows: pd.DataFrame, step: str) -> pd.DataFrame:
    candidate = (rows[step].diff() <= 0).cumsum()  # each begins anew
    return rows[candidate == candidate.loc[rows["val_loss"].idxmin()]]


def write_curves(folder: Path, curves: Mapping[str, pd.DataFrame]) -> None:
    """Write `<model>.csv` for every model; without any a table without rows, as DVC warns of an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.csv"):
        stale.unlink()
    nothing = {NO_CURVE: pd.DataFrame(columns=["step", "val_loss"])}
    for name, curve in (curves or nothing).items():
        write_table(folder / f"{name}.csv", curve)
