"""What went wrong: the most frequent confusions of a report, with the clips that were most surely mistaken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pipeline.core.posteriors import probabilities

PAIRS, CLIPS = 3, 2
"""As many confusions are shown, and as many clips of each."""


@dataclass(frozen=True)
class Confused:
    """One confusion.

    Attributes:
        truth: the emotion
        decided: what it was taken for
        count: how many clips
        of: how many clips of the emotion were judged
        clips: ids of those that were mistaken with the highest posterior
    """

    truth: str
    decided: str
    count: int
    of: int
    clips: Sequence[str]


def worst_confusions(rows: pd.DataFrame, pairs: int = PAIRS, clips: int = CLIPS) -> list[Confused]:
    """Return the most frequent confusions of one model, the most frequent first, equals by name.

    Args:
        rows: of its test clips; those that were not judged do not count
        pairs: how many confusions, at most
        clips: how many clips of each, at most
    """
    judged = rows[rows["predicted"] != ""]
    wrong = judged[judged["predicted"] != judged["emotion"]]
    sizes = wrong.groupby(["emotion", "predicted"]).size().reset_index(name="count")
    ordered = sizes.sort_values(["count", "emotion", "predicted"], ascending=[False, True, True])[:pairs]
    return [
        _confused(wrong, truth, decided, count, int((judged["emotion"] == truth).sum()), clips)
        for truth, decided, count in ordered.itertuples(index=False)
    ]


def _confused(wrong: pd.DataFrame, truth: str, decided: str, count: int, of: int, clips: int) -> Confused:
    mistaken = wrong[(wrong["emotion"] == truth) & (wrong["predicted"] == decided)]
    surest = mistaken.assign(sure=mistaken[f"p_{decided}"]).sort_values(["sure", "clip_id"], ascending=[False, True])
    return Confused(truth, decided, int(count), of, surest["clip_id"][:clips].tolist())


def posteriors_of(rows: pd.DataFrame, clip_id: str, classes: Sequence[str]) -> np.ndarray | None:
    """Return what a model says of one clip, (C,); None where it did not judge it."""
    own = rows[(rows["clip_id"] == clip_id) & (rows["predicted"] != "")]
    return probabilities(own, classes)[0] if len(own) else None
