"""The choice among models and fusions on validation clips: what a headline is, and whom `predict` asks.

The unweighted average recall decides, so that a large class does not; a validation clip that was not judged counts as
wrong, so that none gains by judging only the easy ones. Of equals the one that rests on fewer models is taken, then the
first. No test clip has a part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import nan

import pandas as pd

CHOSEN = "chosen_on_validation"
"""Model that stands in tables for what each fold chose; see `chosen_rows`."""
_DECIMALS = 9


def recalls(validation: pd.DataFrame, names: Iterable[str]) -> dict[str, float]:
    """Return model or fusion -> its UAR on the validation clips that any of them judged, 0 without one.

    `validation` has a row per model, fold and clip: model, fold, clip_id, emotion, predicted ("" = not judged).

    >>> rows = [("a", "1", "sad", "sad"), ("a", "2", "anger", "sad"), ("b", "1", "sad", "sad")]
    >>> frame = pd.DataFrame(rows, columns=["model", "clip_id", "emotion", "predicted"]).assign(fold="fold-00")
    >>> recalls(frame, ["a", "b", "c"])
    {'a': 0.5, 'b': 0.5, 'c': 0.0}
    """
    wanted = list(names)
    rows = validation[validation["model"].isin(wanted) & (validation["predicted"] != "")]
    clips = rows.drop_duplicates(["fold", "clip_id"])["emotion"].value_counts().sort_index()
    right = rows[rows["predicted"] == rows["emotion"]].groupby(["model", "emotion"]).size().unstack(fill_value=0)
    shares = right.reindex(index=wanted, columns=clips.index, fill_value=0) / clips
    return {name: round(float(value), _DECIMALS) for name, value in shares.mean(axis=1).fillna(0.0).items()}


def chosen(validation: pd.DataFrame, inputs: Mapping[str, int]) -> str:
    """Return the model or fusion with the highest UAR on validation clips, of equals that of fewer inputs, then the
    first; `inputs`: name -> how many models it rests on.
    """
    found = recalls(validation, inputs)
    return min(inputs, key=lambda name: (-found[name], inputs[name]))


def chosen_by_fold(validation: pd.DataFrame, inputs: Mapping[str, int], folds: Iterable[str]) -> dict[str, str]:
    """Return fold -> what its own validation clips choose; those of other folds are the test clips of this one, or
    were trained on.
    """
    return {fold: chosen(validation[validation["fold"] == fold], inputs) for fold in folds}


def chosen_rows(rows: pd.DataFrame, choice: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows of what each fold chose, under the name `CHOSEN`: a model that is another one in every fold."""
    return rows[rows["model"] == rows["fold"].map(choice)].assign(model=CHOSEN)


def choice_table(validation: pd.DataFrame, inputs: Mapping[str, int], choice: Mapping[str, str]) -> pd.DataFrame:
    """Return a row per fold: fold, clips (validated), chosen, models (it rests on), uar (on these clips), and of the
    next best: next, next_uar, "" and NaN where there is none.
    """
    found = []
    for fold, name in choice.items():
        rows = validation[validation["fold"] == fold]
        others = {other: count for other, count in inputs.items() if other != name}
        following = chosen(rows, others) if others else ""
        uars = recalls(rows, inputs)
        clips = rows[rows["model"].isin(inputs) & (rows["predicted"] != "")]["clip_id"].nunique()
        found.append((fold, clips, name, inputs[name], uars[name], following, uars.get(following, nan)))
    return pd.DataFrame(found, columns=["fold", "clips", "chosen", "models", "uar", "next", "next_uar"])
