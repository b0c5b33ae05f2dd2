"""What every model scored, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

import numpy as np
import pandas as pd

from pipeline.evaluation import Score

NOT_JUDGED = "no clip judged: see ledger.csv"


def score_row(name: str, found: Score) -> dict[str, str]:
    """Return the figures of one model as text; `-` for what a model that judged nothing does not have."""
    nothing = isnan(found.accuracy)
    return {
        "Model": name,
        "Accuracy": "-" if nothing else f"{found.accuracy:.3f}",
        "95 % interval": NOT_JUDGED if nothing else f"{found.low:.3f} to {found.high:.3f}",
        "UAR": "-" if nothing else f"{found.uar:.3f}",
        "micro-F1": "-" if nothing else f"{found.micro_f1:.3f}",
        "Clips": str(found.n),
        "Coverage": f"{found.coverage:.0%}",
    }


def score_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return one row per model or fusion, in the order they were run, unimodal models first."""
    return pd.DataFrame([score_row(name, found) for name, found in scores.items()])


def percentages(counts: np.ndarray) -> np.ndarray:
    """Return a confusion matrix in % of its rows, (C, C); a row without clips is NaN."""
    totals = counts.sum(axis=1, keepdims=True)
    return 100 * np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
