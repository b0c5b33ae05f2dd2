"""Precision, recall and F of every emotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from pipeline.evaluation.metrics import percentages


@dataclass(frozen=True)
class ClassFigures:
    """How well one emotion is told from the others; NaN where a share of nothing would be asked for."""

    precision: float  # right / decisions
    recall: float  # right / clips
    f_score: float  # harmonic mean of both, counted as 2 right / (decisions + clips): 0 where all its clips were missed
    right: int  # clips of it that were recognised
    clips: int  # judged clips of it
    decisions: int  # clips that were taken for it


def per_class(counts: np.ndarray, classes: Sequence[str], even: bool = False) -> dict[str, ClassFigures]:
    """Return emotion -> figures of counts (C, C), rows are the truth.

    With `even`, precision and F are of the shares of the rows, as if every emotion had as many clips. So Zhang et al.
    2017 print them: Tables VII and VIII follow to two decimals from the percentages of their Figs. 6 and 7, and not
    from the clips behind these (fear on RML: 80.71; of the clips taken for fear 85.00 % are right).

    >>> counts = np.array([[1, 1], [4, 16]])
    >>> [round(per_class(counts, ["anger", "sad"], even)["anger"].precision, 3) for even in (False, True)]
    [0.2, 0.714]
    """
    found, weighed = {}, np.nan_to_num(percentages(counts)) if even else counts
    parts = (m.diagonal() for m in (counts, weighed)), (m.sum(axis) for m in (counts, weighed) for axis in (1, 0))
    for name, right, of_it, clips, decisions, truth, taken in zip(classes, *parts[0], *parts[1], strict=True):
        shares = (_share(of_it, taken), _share(right, clips), _share(2 * of_it, taken + truth))
        found[name] = ClassFigures(*shares, int(right), int(clips), int(decisions))
    return found


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else nan
