"""Training curves: of a system's models, one table each for `dvc plots`, mean over the folds; and of the networks
behind the features, those pre-trained on source tasks and those fine-tuned in every fold; as charts of a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil, floor, log10
from pathlib import Path

import pandas as pd

from pipeline.core.decimals import decimal, percent
from pipeline.core.errors import ArtifactError
from pipeline.core.posteriors import write_table
from pipeline.reporting.html.charts import Chart, Line

STEPS = ("epoch", "iteration")
NO_CURVE = "no_model_learns_step_by_step"
"""Name of the table where there is no curve."""
_CURVES = ("loss", "val_loss", "val_accuracy", "clipped")
_ACROSS, _UP = 5, 4
"""About so many ticks of a chart."""
_DIGIT = 10
"""Width of a digit in a small chart, in the units of the drawing."""


def training_curve(history: pd.DataFrame) -> pd.DataFrame | None:
    """Return step, folds (that had not stopped before), and what a model's history has of `_CURVES`.

    Of several candidates, such as learning rates, the one with the lowest validation loss of each fold is taken. None
    for a model that is not trained step by step, or not at all.
    """
    step = next((name for name in STEPS if name in history), None)
    if step is None or "val_loss" not in history or history.empty:
        return None
    by_step = pd.concat([_best(rows, step) for _, rows in history.groupby("fold")]).groupby(step)
    curves = [name for name in _CURVES if name in history]
    means = by_step[curves].mean().assign(folds=by_step.size())
    return means.rename_axis("step").reset_index()[["step", "folds", *curves]]


def _best(rows: pd.DataFrame, step: str) -> pd.DataFrame:
    candidate = (rows[step].diff() <= 0).cumsum()  # each begins anew
    return rows[candidate == candidate.loc[rows["val_loss"].idxmin()]]


def write_curves(folder: Path, curves: Mapping[str, pd.DataFrame]) -> None:
    """Write `<name>.csv` for every curve and nothing else, as DVC draws one curve of a file; without any a table
    without rows, as DVC warns of an empty folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.csv"):
        stale.unlink()
    nothing = {NO_CURVE: pd.DataFrame(columns=["step", "val_loss"])}
    for name, curve in (curves or nothing).items():
        write_table(folder / f"{name}.csv", curve)


def pretrained_charts(models: Path) -> dict[str, list[Chart]]:
    """Return a heading -> a chart per network that is pre-trained on a source task, as far as their histories are in
    the folder of all models; empty without one.
    """
    return _known({"Pre-trained on source tasks": models / "pretrained"})


def fold_charts(models: Path) -> dict[str, list[Chart]]:
    """Return a heading per corpus -> a chart per network that is trained in its folds, alike."""
    return _known({f"In every fold on {path.parent.name}": path for path in sorted(models.glob("*/networks"))})


def _known(places: Mapping[str, Path]) -> dict[str, list[Chart]]:
    found = {title: _charts(folder) for title, folder in places.items()}
    return {title: charts for title, charts in found.items() if charts}


def _charts(folder: Path) -> list[Chart]:
    """Return a chart per network, named after it and how many held-out items it gets right with the weights that are
    kept.
    """
    charts = []
    for path in sorted(folder.glob("*/history.csv")):
        try:
            rounds = _tuned(pd.read_csv(path))
        except pd.errors.EmptyDataError:  # a network that has nothing to learn, such as concatenation
            continue
        except (pd.errors.ParserError, UnicodeDecodeError) as error:
            remedy = "rerun its stage with `dvc repro -f`"
            raise ArtifactError(f"{path}: not a readable table ({error}); {remedy}") from error
        if len(rounds):
            title = f"{path.parent.name}{_right(rounds)}"
            charts.append(training_chart(title, network_curve(rounds), "epoch"))
    return charts


def _tuned(history: pd.DataFrame) -> pd.DataFrame:
    """Return the rounds of a network's history, those held out under the names of validation; none without a loss.

    Of a network that is pre-trained layer by layer only what comes after counts: a reconstruction error is no loss.
    `history`: epoch, loss, and val_ or held_out_ figures; fold and phase where there are several.
    """
    tuned = history[history["phase"] == "tune"] if "phase" in history else history
    named = tuned.rename(columns=lambda name: name.replace("held_out_", "val_")).rename(columns={"epoch": "step"})
    return named if {"step", "loss"} <= set(named.columns) else named.iloc[:0]


def _right(rounds: pd.DataFrame) -> str:
    """Return in words what is right in the kept round, the last where none is marked, mean over the folds."""
    if "val_accuracy" not in rounds:
        return ""
    kept = rounds.get("kept", pd.Series(0, rounds.index)).eq(1)
    fold = rounds.get("fold", pd.Series("", rounds.index))
    ends = rounds.assign(kept=kept).sort_values(["kept", "step"]).groupby(fold)["val_accuracy"].last()
    return f": {percent(float(ends.mean()))} right"


def network_curve(rounds: pd.DataFrame) -> pd.DataFrame:
    """Return step, loss and as far as they are known the others of `_CURVES`, mean over the folds still in training."""
    return rounds.groupby("step")[[name for name in _CURVES if name in rounds]].mean().reset_index()


def training_chart(name: str, curve: pd.DataFrame, steps: str = "epoch or iteration") -> Chart:
    """Return the losses of one model or network, the axis up from 0 to what holds the highest; a single step stands in
    the middle. `steps`: what they are.
    """
    kinds = {column: kind for column, kind in (("loss", "curve"), ("val_loss", "curve beside")) if column in curve}
    step, highest = _step(float(curve[[*kinds]].max().max()) / _UP)
    last = int(curve["step"].max())
    lines = []
    for column, kind in kinds.items():
        known = curve[curve[column].notna()]
        lines.append(Line([*zip(_places(known["step"], curve), known[column] / highest, strict=True)], kind))
    across = max(1, round(_step(last / _ACROSS)[0]))
    ticks = [last] if len(curve) == 1 else range(0, last + 1, across)
    ticks_across = [*zip(_places(ticks, curve), map(str, ticks), strict=True)]
    ticks_up = [(number * step / highest, f"{number * step:g}") for number in range(round(highest / step) + 1)]
    left = 34 + _DIGIT * max(len(text) for _, text in ticks_up)
    return Chart(name, _said(curve, [*kinds]), steps, "loss", [], lines, ticks_across, ticks_up, left=left)


def _places(steps: Iterable[int], curve: pd.DataFrame) -> list[float]:
    """Return where steps stand across, from 0 to 1."""
    return [0.5 if len(curve) == 1 else step / curve["step"].max() for step in steps]


def _said(curve: pd.DataFrame, losses: list[str]) -> str:
    """Return first and last values in words."""
    first, end = curve.iloc[0], curve.iloc[-1]
    words = [
        f"{column} " + ", ".join(f"{decimal(row[column])} at step {row['step']:.0f}" for row in (first, end))
        for column in losses
    ]
    if "val_accuracy" in curve:
        accuracies = (percent(float(row["val_accuracy"])) for row in (first, end))
        words.append(f"validation accuracy {', then '.join(accuracies)}")
    if "clipped" in curve and (share := float(curve["clipped"].mean())):
        words.append(f"gradients clipped in {percent(share)} of the steps")
    return "; ".join(words)


def _step(least: float) -> tuple[float, float]:
    """Return a round step that is at least so long, and the smallest multiple of it that holds `_UP` times `least`."""
    if not least > 0:
        return 1.0, 1.0
    power = 10.0 ** floor(log10(least))
    step = next(round_ * power for round_ in (1, 2, 2.5, 5, 10) if round_ * power >= least)
    return step, step * ceil(least * _UP / step)
