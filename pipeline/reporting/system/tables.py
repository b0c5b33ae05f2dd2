"""Tables of a report: what every model scored, who is better, at which emotion, and for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isnan, nan

import pandas as pd

from pipeline.core.clip import Clip
from pipeline.core.decimals import decimal
from pipeline.evaluation.bootstrap import SEED
from pipeline.evaluation.by_class import per_class
from pipeline.evaluation.groups import by_group
from pipeline.evaluation.metrics import Score, confusion
from pipeline.evaluation.significance import holm, mcnemar, paired, permutation
from pipeline.systems.ids import METHOD

NOT_JUDGED = "no clip judged: see ledger.csv"
Rows = Mapping[str, pd.DataFrame]
"""Model or fusion -> its judged test clips."""
COMPARED = ("clips", "difference", "mcnemar_p", "permutation_p")
"""Columns of a comparison."""


def score_row(name: str, found: Score) -> dict[str, str]:
    """Return the figures of one model as text; `-` for a figure that there is not."""

    def ends(low: float, high: float) -> str:
        return "-" if isnan(low) else f"{decimal(low)} to {decimal(high)}"

    def known(figure: float) -> str:
        return "-" if isnan(found.accuracy) else decimal(figure)

    def spread(mean: float, deviation: float) -> str:
        return "-" if isnan(deviation) else f"{decimal(mean)} ± {decimal(deviation)}"

    return {
        "Model": name,
        "Accuracy": known(found.accuracy),
        "95 % interval": NOT_JUDGED if isnan(found.accuracy) else ends(found.low, found.high),
        "UAR": known(found.uar),
        "UAR interval": ends(found.uar_low, found.uar_high),
        "micro-F1": known(found.micro_f1),
        "macro-F1": known(found.macro_f1),
        "macro precision": known(found.macro_precision),
        "Accuracy by fold": spread(found.fold_accuracy, found.fold_accuracy_sd),
        "UAR by fold": spread(found.fold_uar, found.fold_uar_sd),
        "Clips": str(found.n),
        "Coverage": f"{decimal(found.coverage, 0, power=2)}%",
    }


def best_of_each(accuracies: Mapping[str, float], methods: Mapping[str, str]) -> list[str]:
    """Return all models of one feature, all combined fusions and the best of each other method, in their order.

    `accuracies` has NaN for what judged nothing, which is never better than another; `methods`: fusion -> its method.
    """
    best: dict[str, str] = {}
    known = {name: -1.0 if isnan(accuracy) else accuracy for name, accuracy in accuracies.items()}
    for name, accuracy in known.items():
        method = methods.get(name, METHOD)
        key = name if method == METHOD else method
        if key not in best or accuracy > known[best[key]]:
            best[key] = name
    return list(best.values())


def score_table(scores: Mapping[str, Score]) -> pd.DataFrame:
    """Return one row per model or fusion, in the order they were run, unimodal models first."""
    return pd.DataFrame([score_row(name, found) for name, found in scores.items()])


def per_class_table(rows: Rows, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and emotion: precision, recall, F1, clips, decisions; NaN for a share of nothing."""
    records = [
        {"model": name, "emotion": emotion, **asdict(each)}
        for name, frame in rows.items()
        for emotion, each in per_class(confusion(frame["emotion"], frame["predicted"], classes), classes).items()
    ]
    columns = ["model", "emotion", "precision", "recall", "f_score", "clips", "decisions"]
    return pd.DataFrame(records, columns=columns).rename(columns={"f_score": "f1"})


def comparison_table(rows: Rows, reference: str, draws: int) -> pd.DataFrame:
    """Return one row per model or fusion other than the reference: model, reference, and what `compared` and
    `with_holm` tell.
    """
    found = [
        (name, reference, *compared(frame, rows[reference], draws)) for name, frame in rows.items() if name != reference
    ]
    return with_holm(pd.DataFrame(found, columns=["model", "reference", *COMPARED]))


def with_holm(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of comparisons with both p also adjusted for its number of rows by Holm's method."""
    return table.assign(**{f"{key}_holm": holm(table[key].tolist()) for key in ("mcnemar_p", "permutation_p")})


def compared(rows: pd.DataFrame, reference: pd.DataFrame, draws: int) -> tuple[int, float, float, float]:
    """Return how one model does beside another on the clips that both judged: `COMPARED`, NaN without such a clip.

    The difference is in accuracy, that of the reference taken off; `draws` permutations at random, at most.
    """
    both = paired(rows, reference)
    one, other, speakers = (
        both[key].to_numpy(kind) for key, kind in (("one", bool), ("other", bool), ("speaker", str))
    )
    difference = float(one.mean() - other.mean()) if len(both) else nan
    return len(both), difference, mcnemar(one, other), permutation(one, other, speakers, draws, SEED)


def by_speaker_table(rows: Rows, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and speaker: clips, accuracy and UAR."""
    return _by_group(rows, "speaker", {name: frame["speaker"] for name, frame in rows.items()}, classes, [])


def by_fold_table(rows: Rows, classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and fold: clips (judged), accuracy and UAR."""
    return _by_group(rows, "fold", {name: frame["fold"] for name, frame in rows.items()}, classes, [])


def by_gender_table(rows: Rows, clips: Sequence[Clip], classes: Sequence[str]) -> pd.DataFrame:
    """Return one row per model and gender: clips, accuracy, UAR, recall of every emotion; none without a gender."""
    gender = {clip.clip_id: clip.gender for clip in clips}
    groups = {name: frame["clip_id"].map(gender) for name, frame in rows.items()}
    return _by_group(rows, "gender", groups, classes, [f"recall_{emotion}" for emotion in classes])


def _by_group(
    rows: Rows, kind: str, groups: Mapping[str, pd.Series], classes: Sequence[str], recalls: Sequence[str]
) -> pd.DataFrame:
    records = [
        {"model": name, kind: group, **figures}
        for name, frame in rows.items()
        for group, figures in by_group(frame, groups[name].tolist(), classes).items()
    ]
    return pd.DataFrame(records, columns=["model", kind, "clips", "accuracy", "uar", *recalls])
