"""What every fold's system says of new clips and of windows over them, and the mean over the folds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.errors import ArtifactError, SettingsError, did_you_mean
from pipeline.core.store import ClipFeatures
from pipeline.fusion.per_fold import on_scores, plugin_of
from pipeline.prediction.choice import Choice
from pipeline.prediction.course import Course, SpanParams, duration
from pipeline.prediction.features import Features
from pipeline.prediction.fold_model import FoldModel, Judged
from pipeline.prediction.models import TrainedModel

_TOGETHER = 64
"""Windows that are judged at a time, so that memory holds these alone."""


@dataclass(frozen=True)
class Outcome:
    """What was found."""

    posteriors: Mapping[str, np.ndarray]  # model or fusion -> (N, C), a row of NaN for a clip that it cannot judge
    courses: Sequence[Course]  # of what decides, one per clip
    constant: Sequence[str]  # features that have one row per clip, so that nothing changes over it


def usable_folds(choice: Choice, features: Features, fold: str = "") -> tuple[list[str], str]:
    """Return the folds whose whole system was kept, and why another one cannot be used; of all folds, or of one.

    Raises:
        SettingsError: there is no such fold
        ArtifactError: no fold can be used, or not the one that is asked for
    """
    models = choice.models.values()
    known = sorted(set.intersection(*(set(model.folds) for model in models)))
    if fold and fold not in known:
        raise SettingsError(f"--fold {fold}: no such fold{did_you_mean(fold, known)}")
    wanted = [fold] if fold else known
    reasons = dict.fromkeys(wanted, "")
    for model in models:
        missing = features.folds(model.source, wanted)
        for name in wanted:
            reasons[name] = reasons[name] or missing[name] or model.lacks(name)
    usable = [name for name in wanted if not reasons[name]]
    why = next((reason for reason in reasons.values() if reason), "")
    if not usable:
        why = why or "it was trained in no fold; run `dvc repro`"
        raise ArtifactError(f"{choice.name}: {why}; or choose another with --model")
    return usable, why


def fused(
    choice: Choice, learned: Mapping[str, Mapping[str, Any]], fold: str, judged: Mapping[str, Judged]
) -> dict[str, np.ndarray]:
    """Return model or fusion -> posteriors (N, C) in one fold, from what its models say (`judged`) and from what its
    fusions `learned` of validation clips, fusion -> fold -> state.
    """
    found = {name: one.posteriors for name, one in judged.items()}
    nothing = np.full_like(next(iter(found.values())), np.nan)
    scores = {name: nothing if one.scores is None else one.scores for name, one in judged.items()}
    for fusion in choice.fusions:
        said = scores if on_scores(fusion.rule) else found
        parts = np.stack([said.get(part, nothing) for part in fusion.parts])
        found[fusion.name] = plugin_of(fusion.rule).fuse(parts, learned[fusion.name][fold])
    return found


def _mean(folds: Sequence[np.ndarray]) -> np.ndarray:
    """Return the mean of posteriors (N, C) over the folds that judged; NaN where none did."""
    rows = np.stack(folds)
    known = ~np.isnan(rows).any(axis=2)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known[..., None], rows, 0).sum(axis=0) / known.sum(axis=0)[:, None])


def judge(
    choice: Choice,
    learned: Mapping[str, Mapping[str, Any]],
    features: Features,
    clips: Sequence[Clip],
    folds: Sequence[str],
    spans: SpanParams,
    progress: Callable[[Sequence[str]], Any] = iter,
) -> Outcome:
    """Return what the folds' systems say of new clips, as they would of their own test clips, and over time.

    The features are extracted; `learned` is fusion -> fold -> what it learned; `progress` goes over the folds, and one
    fold's models are in memory at a time.
    """
    whole: dict[str, list[list[np.ndarray]]] = {name: [[] for _ in clips] for name in choice.names}
    courses: list[list[np.ndarray]] = [[] for _ in clips]
    times, changing = [np.zeros(0) for _ in clips], dict[str, bool]()
    widths = {name: _widths(model, features) for name, model in choice.models.items()}
    for fold in progress(folds):
        models = {name: model.of_fold(fold, widths[name]) for name, model in choice.models.items()}
        for number, clip in enumerate(clips):
            given = {
                name: features.read(model.source, clip, fold, model.arrays) for name, model in choice.models.items()
            }
            for name, rows in fused(choice, learned, fold, _each(models, given, lambda _, one: [one])).items():
                whole[name][number].append(rows)
            times[number] = centres = spans.centres(duration(given.values(), map(given.get, choice.video)))
            some = [centres[at : at + _TOGETHER] for at in range(0, len(centres), _TOGETHER)]
            parts = [_each(models, given, partial(_windows, spans, at)) for at in some]
            courses[number].append(np.concatenate([fused(choice, learned, fold, part)[choice.name] for part in parts]))
            for name, one in given.items():
                if one is not None:
                    changing[name] = changing.get(name, False) or len(one.times) > 1
    posteriors = {name: np.concatenate([_mean(rows) for rows in of_clips]) for name, of_clips in whole.items()}
    constant = sorted({choice.models[name].name.feature for name, changes in changing.items() if not changes})
    return Outcome(posteriors, [Course(at, _mean(rows)) for at, rows in zip(times, courses, strict=True)], constant)


def _widths(model: TrainedModel, features: Features) -> tuple[int, ...]:
    """Return the columns of each network layer of a model's feature; () where that differs from fold to fold."""
    if (meta := features.meta(model.source)) is None:
        return ()
    model.check_source(meta)
    return meta.widths


def _each(
    models: Mapping[str, FoldModel],
    given: Mapping[str, ClipFeatures | None],
    parts: Callable[[FoldModel, ClipFeatures | None], list[ClipFeatures | None]],
) -> dict[str, Judged]:
    return {name: model(parts(model, given[name])) for name, model in models.items()}


def _windows(
    spans: SpanParams, centres: np.ndarray, model: FoldModel, clip: ClipFeatures | None
) -> list[ClipFeatures | None]:
    if clip is None:
        return [None] * len(centres)
    cut = spans.masked if model.end_to_end else spans.cut
    return [cut(clip, float(centre)) for centre in centres]
