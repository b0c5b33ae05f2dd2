"""Training curves of the networks behind the features: those pre-trained on source tasks, and those fine-tuned in every
fold.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from pipeline.core.errors import ArtifactError
from pipeline.reporting.html.charts import Chart
from pipeline.reporting.html.page import percent
from pipeline.reporting.html.training_charts import training_chart


def network_charts(models: Path) -> dict[str, list[Chart]]:
    """Return where networks are trained -> a chart per network, as far as histories are there.

    Args:
        models: folder of all models
    """
    places = {"Pre-trained on source tasks": models / "pretrained"}
    places |= {f"In every fold on {path.parent.name}": path for path in sorted(models.glob("*/networks"))}
    found = {title: _charts(folder) for title, folder in places.items()}
    return {title: charts for title, charts in found.items() if charts}


def _charts(folder: Path) -> list[Chart]:
    """Return a chart per network, named after it and how many held-out items it gets right at the end."""
    charts = []
    for path in sorted(folder.glob("*/history.csv")):
        curve = network_curve(_history(path))
        if len(curve):
            right = f": {percent(float(curve['val_accuracy'].iloc[-1]))} right" if "val_accuracy" in curve else ""
            charts.append(training_chart(f"{path.parent.name}{right}", curve))
    return charts


def _history(path: Path) -> pd.DataFrame:
    """Return a history; nothing for a network that has nothing to learn, such as concatenation.

    Raises:
        ArtifactError: not a table
    """
    try:
        return pd.read_csv(path)
    except pd.errors.EmptyDataError:
        return pd.DataFrame()
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path}: not a readable table ({error}); rerun its stage with `dvc repro -f`") from error


def network_curve(history: pd.DataFrame) -> pd.DataFrame:
    """Return step, loss and as far as they are known val_loss and val_accuracy, mean over the folds still in training.

    Of a network that is pre-trained layer by layer only what comes after counts: a reconstruction error is no loss.

    Args:
        history: epoch, loss, and val_accuracy or held_out_accuracy; fold and phase where there are several
    """
    tuned = history[history["phase"] == "tune"] if "phase" in history else history
    named = tuned.rename(columns={"epoch": "step", "held_out_accuracy": "val_accuracy"})
    kept = [name for name in ("loss", "val_loss", "val_accuracy") if name in named]
    return (
        named.groupby("step")[kept].mean().reset_index() if {"step", "loss"} <= set(named.columns) else named.iloc[:0]
    )
