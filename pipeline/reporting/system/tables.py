"""What every model scored, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

import pandas as pd

from pipeline.evaluation.metrics import Score
from pipeline.systems.ids import METHOD

NOT_JUDGED = "no clip judged: see ledger.csv"


def score_row(name: str, found: Score) -> dict[str, str]:
    """Return the figures of one model as text; `-` for a figure that there is not."""
    nothing = isnan(found.accuracy)
    return {
        "Model": name,
        "Accuracy": "-" if nothing else f"{found.accuracy:.3f}",
        "95 % interval": NOT_JUDGED if nothing else ends(found.low, found.high),
        "UAR": "-" if nothing else f"{found.uar:.3f}",
        "UAR interval": "-" if nothing else ends(found.uar_low, found.uar_high),
        "micro-F1": "-" if nothing else f"{found.micro_f1:.3f}",
        "macro-F1": "-" if nothing else f"{found.macro_f1:.3f}",
        "Clips": str(found.n),
        "Coverage": f"{found.coverage:.0%}",
    }


def ends(low: float, high: float) -> str:
    """Return an interval as text, `-` where there is none."""
    return "-" if isnan(low) else f"{low:.3f} to {high:.3f}"


def best_of_each(accuracies: Mapping[str, float], methods: Mapping[str, str]) -> list[str]:
    """Return all models of one feature, all combined fusions and the best of each other method, in their order.

    Args:
        accuracies: model or fusion -> accuracy; NaN for what judged nothing, which is never better than another
        methods: fusion -> its method
    """
    best: dict[str, str] = {}
    known = {name: -1.0 if isnan(accuracy) else accuracy for name, accuracy in accuracies.items()}
    for name, accuracy in known.items():
        key = methods.get(name, METHOD)
        key = name if key == METHOD else key
        if key not in best or accuracy > known[best[key]]:
            best[key] = name
    return list(best.values())


def score_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return one row per model or fusion, in the order they were run, unimodal models first."""
    return pd.DataFrame([score_row(name, found) for name, found in scores.items()])
