"""Which modality helped which emotion: recall by sound, by picture and by what joins them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan
from typing import Any

import pandas as pd

from pipeline.evaluation.metrics import Score, best
from pipeline.reporting.html.blocks import Listing
from pipeline.reporting.html.dots import Dots, Mark
from pipeline.reporting.html.page import percent
from pipeline.systems.ids import ModelId
from pipeline.systems.params import SystemParams, named_fusions, unimodal

KINDS = {"audio": "sound", "video": "picture", "fused": "fusion"}
"""Group of a report -> kind of its mark in a chart."""


def chosen_models(settings: SystemParams, headline: str, scores: Mapping[str, Score]) -> dict[str, str]:
    """Return audio, video and fused -> the best model of it, as far as there is one; what joins modalities only where
    something does.

    Args:
        settings: of the system
        headline: the model or fusion that the page names as best
        scores: model or fusion -> figures
    """
    found = _best_of(settings.models(), settings, scores)
    return found if headline in found.values() else {**found, "fused": headline}


def parts_of(settings: SystemParams, headline: str, scores: Mapping[str, Score]) -> dict[str, str]:
    """Return audio, video and fused -> the models that say why the headline decides as it does.

    Those that it rests on, the better one where there are several of a modality; the best of the modality where there
    is none.

    Args:
        settings: of the system
        headline: a model or fusion
        scores: model or fusion -> figures
    """
    below = unimodal(headline, named_fusions(settings))
    return {
        **chosen_models(settings, headline, scores),
        **_best_of(below, settings, scores),
        "fused": headline,
    }


def _best_of(names: Iterable[ModelId], settings: SystemParams, scores: Mapping[str, Score]) -> dict[str, str]:
    groups = {group: [name for name in names if settings.modality(name) == group] for group in ("audio", "video")}
    return {group: best({name: scores[name] for name in members}) for group, members in groups.items() if members}


def modality_values(
    chosen: Mapping[str, str], per_class: pd.DataFrame, classes: Sequence[str]
) -> dict[str, Any] | None:
    """Return the values of the template; None unless there are two of sound, picture and both.

    Args:
        chosen: `audio`, `video` and `fused` -> the best model of it, as far as there are any
        per_class: as `pipeline.reporting.system.statistics_tables.per_class_table` returns it
        classes: the emotions
    """
    shown = {group: name for group, name in chosen.items() if group in KINDS}
    if len(shown) < 2:
        return None
    recalls = {group: _recalls(per_class, name) for group, name in shown.items()}
    said = "; ".join(
        f"{emotion}: {', '.join(f'{KINDS[group]} {percent(recalls[group][emotion])}' for group in shown)}"
        for emotion in classes
    )
    rows = [(emotion, [Mark(KINDS[group], recalls[group][emotion]) for group in shown]) for emotion in classes]
    return {
        "chart": Dots("Recall by modality", f"Recall of each emotion. {said}", "recall, %", rows),
        "kinds": {KINDS[group]: f"{KINDS[group]}: {name}" for group, name in shown.items()},
        "table": _table(recalls, classes),
    }


def _recalls(per_class: pd.DataFrame, name: str) -> dict[str, float]:
    rows = per_class[per_class["model"] == name]
    return dict(zip(rows["emotion"], rows["recall"], strict=True))


def _table(recalls: Mapping[str, Mapping[str, float]], classes: Sequence[str]) -> Listing:
    """Return recall by group, the group that is best, and what joining adds."""
    gains = "fused" in recalls and len(recalls) == len(KINDS)
    rows = []
    for emotion in classes:
        values = {group: each[emotion] for group, each in recalls.items()}
        alone = max((value for group, value in values.items() if group != "fused" and not isnan(value)), default=nan)
        gain = [f"{100 * (values['fused'] - alone):+.1f}".replace("+nan", "-").replace("nan", "-")] if gains else []
        rows.append([emotion, *map(percent, values.values()), _best(values), *gain])
    heads = ["Emotion", *(KINDS[group].capitalize() for group in recalls), "Best by", *(["Gain"] if gains else [])]
    return Listing("", heads, rows)


def _best(values: Mapping[str, float]) -> str:
    """Return who has the highest value, all of them where several do."""
    known = {group: value for group, value in values.items() if not isnan(value)}
    top = max(known.values(), default=0.0)
    return " and ".join(KINDS[group] for group, value in known.items() if value == top) if top > 0 else "none"
