"""Tables of a report on who is better, at which emotion, and for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from math import nan

import pandas as pd

from pipeline.core.clip import Clip
from pipeline.evaluation.bootstrap import SEED
from pipeline.evaluation.groups import by_group
from pipeline.evaluation.metrics import confusion, per_class
from pipeline.evaluation.significance import holm, mcnemar, paired, permutation

Rows = Mapping[str, pd.DataFrame]
"""Model or fusion -> its judged test clips."""
COMPARED = ("clips", "difference", "mcnemar_p", "permutation_p")
"""Columns of a comparison."""


def per_class_table(rows: Rows, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and emotion: precision, recall, F1, clips, decisions; NaN for a share of nothing."""
    counts = {name: confusion(frame["emotion"], frame["predicted"], classes) for name, frame in rows.items()}
    records = [
        {"model": name, "emotion": emotion, **asdict(each)}
        for name, each_count in counts.items()
        for emotion, each in per_class(each_count, classes).items()
    ]
    columns = ["model", "emotion", "precision", "recall", "f_score", "clips", "decisions"]
    return pd.DataFrame(records, columns=columns).rename(columns={"f_score": "f1"})


def comparison_table(rows: Rows, reference: str, draws: int) -> pd.DataFrame:
    """Return one row per model or fusion other than the reference.

    Columns: model, reference, clips (judged by both), difference (in accuracy, that of the reference taken off),
    mcnemar_p, permutation_p, and both adjusted for the number of rows by Holm's method.

    Args:
        rows: model or fusion -> its judged test clips
        reference: what all are compared with
        draws: permutations at random, at most
    """
    found = [
        (name, reference, *compared(frame, rows[reference], draws)) for name, frame in rows.items() if name != reference
    ]
    return with_holm(pd.DataFrame(found, columns=["model", "reference", *COMPARED]))


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of comparisons with both p also adjusted for its number of rows."""
    return table.assign(**{f"{key}_holm": holm(table[key].tolist()) for key in ("mcnemar_p", "permutation_p")})


def compared(rows: pd.DataFrame, reference: pd.DataFrame, draws: int) -> tuple[int, float, float, float]:
    """Return how one model does beside another on the clips that both judged: `COMPARED`, NaN without such a clip.

    Args:
        rows: judged test clips of a model
        reference: those of another, whose accuracy is taken off
        draws: permutations at random, at most
    """
    both = paired(rows, reference)
    one, other, speakers = (
        both[key].to_numpy(kind) for key, kind in (("one", bool), ("other", bool), ("speaker", str))
    )
    difference = float(one.mean() - other.mean()) if len(both) else nan
    return len(both), difference, mcnemar(one, other), permutation(one, other, speakers, draws, SEED)


def by_speaker_table(rows: Rows, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and speaker: clips, accuracy and UAR."""
    return _by_group(rows, "speaker", lambda frame: frame["speaker"].tolist(), classes, [])


def by_gender_table(rows: Rows, clips: Sequence[Clip], classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and gender: clips, accuracy, UAR and the recall of every emotion; none without a
    gender.
    """
    gender = {clip.clip_id: clip.gender for clip in clips}
    recalls = [f"recall_{emotion}" for emotion in classes]
    return _by_group(rows, "gender", lambda frame: frame["clip_id"].map(gender).tolist(), classes, recalls)


def _by_group(
    rows: Rows, kind: str, groups: Callable[[pd.DataFrame], list[str]], classes: Sequence[str], recalls: Sequence[str]
) -> pd.DataFrame:
    records = [
        {"model": name, kind: group, **figures}
        for name, frame in rows.items()
        for group, figures in by_group(frame, groups(frame), classes).items()
    ]
    return pd.DataFrame(records, columns=["model", kind, "clips", "accuracy", "uar", *recalls])


def confusion_pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Return truth and decision of every judged clip as actual and predicted, which DVC plots as a confusion matrix."""
    return pd.DataFrame({"actual": rows["emotion"], "predicted": rows["predicted"]}).reset_index(drop=True)
