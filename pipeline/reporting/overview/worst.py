"""Error analysis: the most frequent confusions of a report, with the clips that were most confidently mistaken."""

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
    pairs_of = wrong.groupby(["emotion", "predicted"])
    found = []
    for (truth, decided), mistaken in sorted(pairs_of, key=lambda pair: (-len(pair[1]), pair[0]))[:pairs]:
        first = mistaken.sort_values([f"p_{decided}", "clip_id"], ascending=[False, True])["clip_id"][:clips]
        found.append(Confused(truth, decided, len(mistaken), int((judged["emotion"] == truth).sum()), first.tolist()))
    return found


def posteriors_of(rows: pd.DataFrame, clip_id: str, classes: Sequence[str]) -> np.ndarray | None:
    """Return what a model says of one clip, (C,); None where it did not judge it."""
    own = rows[(rows["clip_id"] == clip_id) & (rows["predicted"] != "")]
    return probabilities(own, classes)[0] if len(own) else None
