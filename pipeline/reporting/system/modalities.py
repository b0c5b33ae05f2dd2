"""Which modality helped which emotion: recall by audio, by video and by fusion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan
from typing import Any

import pandas as pd

from pipeline.core.decimals import percent, points
from pipeline.evaluation.choice import CHOSEN
from pipeline.evaluation.metrics import Score, best
from pipeline.reporting.html.charts import Dots, Mark
from pipeline.reporting.html.page import Listing
from pipeline.systems.ids import ModelId
from pipeline.systems.params import SystemParams, named_fusions, unimodal

KINDS = {"audio": "audio", "video": "video", "fused": "headline"}
"""Group of a report -> kind of its mark in a chart."""
_GROUPS = ("audio", "video")


def chosen_models(settings: SystemParams, scores: Mapping[str, Score]) -> dict[str, str]:
    """Return audio and video -> the best model of it on test clips, as far as there is one; fused -> the headline."""
    return {**_best_of(settings.own(), settings, scores), "fused": CHOSEN}


def among(settings: SystemParams) -> dict[str, int]:
    """Return audio and video -> among how many models the best of it is chosen on test clips."""
    return {group: len(_of_group(settings.own(), settings, group)) for group in _GROUPS}


def parts_of(settings: SystemParams, chosen: Iterable[str], scores: Mapping[str, Score]) -> dict[str, str]:
    """Return audio, video and fused -> the models that say why the headline decides as it does, from what it `chosen`
    in the folds.

    Those that it depends on, the better one where there are several of a modality; the best of the modality where there
    is none.
    """
    by_name = named_fusions(settings)
    below = dict.fromkeys(model for name in chosen for model in unimodal(name, by_name))
    return chosen_models(settings, scores) | _best_of(below, settings, scores)


def _best_of(names: Iterable[ModelId], settings: SystemParams, scores: Mapping[str, Score]) -> dict[str, str]:
    groups = {group: _of_group(names, settings, group) for group in _GROUPS}
    return {group: best({name: scores[name] for name in members}) for group, members in groups.items() if members}


def _of_group(names: Iterable[ModelId], settings: SystemParams, group: str) -> list[ModelId]:
    return [name for name in names if settings.modality(name) == group]


def modality_values(
    chosen: Mapping[str, str], per_class: pd.DataFrame, classes: Sequence[str]
) -> dict[str, Any] | None:
    """Return the values of the template, None unless there is a model of audio or video; from what `chosen_models`
    and `per_class_table` return.
    """
    shown = {KINDS[group]: name for group, name in chosen.items() if group in KINDS}
    if len(shown) < 2:
        return None
    by_model = per_class.pivot(index="emotion", columns="model", values="recall").loc[list(classes), [*shown.values()]]
    recalls = {str(emotion): dict(zip(shown, row, strict=True)) for emotion, *row in by_model.itertuples()}
    said = "; ".join(
        f"{emotion}: {', '.join(f'{kind} {percent(recall)}' for kind, recall in row.items())}"
        for emotion, row in recalls.items()
    )
    marks = [(emotion, [Mark(kind, recall) for kind, recall in row.items()]) for emotion, row in recalls.items()]
    return {
        "chart": Dots.of("Recall by modality", f"Recall of each emotion. {said}", "recall, %", marks, apart=True),
        "kinds": {kind: f"{kind}: {name}" for kind, name in shown.items()},
        "table": _table(recalls, list(shown)),
    }


def _table(recalls: Mapping[str, Mapping[str, float]], kinds: Sequence[str]) -> Listing:
    """Return recall by kind, the best kind, and the gain by the headline."""
    gains = "headline" in kinds and len(kinds) == len(KINDS)
    rows = []
    for emotion, values in recalls.items():
        known = {kind: value for kind, value in values.items() if not isnan(value)}
        top = max(known.values(), default=0.0)
        leading = " and ".join(kind for kind, value in known.items() if value == top) if top > 0 else "none"
        alone = max((value for kind, value in known.items() if kind != "headline"), default=nan)
        gain = [points(values["headline"] - alone)] if gains else []
        rows.append([emotion, *map(percent, values.values()), leading, *gain])
    return Listing("", ["Emotion", *map(str.capitalize, kinds), "Best by", *["Gain"] * gains], rows)
