"""Training curves as charts of a page: loss on training and on validation clips by epoch or iteration."""

from __future__ import annotations

from math import ceil, floor, log10

import pandas as pd

from pipeline.reporting.html.charts import Chart, Line
from pipeline.reporting.html.page import percent

_ACROSS, _UP = 5, 4
"""About so many ticks."""


def training_chart(name: str, curve: pd.DataFrame) -> Chart:
    """Return the losses of one model, the axis up from 0 to what holds the highest.

    Args:
        name: of the model
        curve: as `pipeline.reporting.system.training_curves.training_curve` returns it
    """
    kinds = {column: kind for column, kind in (("loss", "curve"), ("val_loss", "curve beside")) if column in curve}
    step, highest = _step(float(curve[[*kinds]].max().max()) / _UP)
    last = max(int(curve["step"].max()), 1)
    lines = []
    for column, kind in kinds.items():
        known = curve[curve[column].notna()]
        lines.append(Line([*zip(known["step"] / last, known[column] / highest, strict=True)], kind))
    across = max(1, round(_step(last / _ACROSS)[0]))
    ticks_across = [(at / last, str(at)) for at in range(0, last + 1, across)]
    ticks_up = [(number * step / highest, f"{number * step:g}") for number in range(round(highest / step) + 1)]
    return Chart(name, _said(curve), "epoch or iteration", "loss", [], lines, ticks_across, ticks_up)


def _said(curve: pd.DataFrame) -> str:
    """Return first and last values in words."""
    first, end = curve.iloc[0], curve.iloc[-1]
    words = [
        f"{column} {first[column]:.3f} at step {first['step']:.0f}, {end[column]:.3f} at step {end['step']:.0f}"
        for column in ("loss", "val_loss")
        if column in curve
    ]
    if "val_accuracy" in curve:
        words.append(
            f"validation accuracy {percent(float(first['val_accuracy']))}, then {percent(float(end['val_accuracy']))}"
        )
    return "; ".join(words)


def _step(least: float) -> tuple[float, float]:
    """Return a round step that is at least so long, and the smallest multiple of it that holds `_UP` times `least`."""
    if not least > 0:
        return 1.0, 1.0
    power = 10.0 ** floor(log10(least))
    step = next(round_ * power for round_ in (1, 2, 2.5, 5, 10) if round_ * power >= least)
    return step, step * ceil(least * _UP / step)
