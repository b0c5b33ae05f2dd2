"""Late fusion of one system: every rule learns from validation posteriors alone and is applied to the test clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from pipeline import posteriors
from pipeline.core import plugins
from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.parallel import ordered_map
from pipeline.core.settings import Settings, parse
from pipeline.fusion import deal
from pipeline.protocols import Fold
from pipeline.system import Fusion, SystemParams, fusions

MOST_SPEAKER_GROUPS = 10
"""With more validation speakers, several share a held-out part: a corpus of 90 would take hours otherwise."""


def fuse_all(
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    classes: Sequence[str],
    workers: int = 1,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit every fusion on validation posteriors and apply it to the test clips, fold by fold.

    Args:
        system: what to fuse
        settings: `fuse`: rule -> its settings
        tables: model -> its posteriors (val and test)
        clips: all clips of the corpus
        folds: fold name -> fold
        classes: emotions
        workers: processes

    Returns:
        (rows of all models and fusions for test clips, what each fusion learned: name -> fold -> state)

    Raises:
        SettingsError: a rule that does not exist, settings that it does not know, or a rule on class scores where a
            classifier gives none
    """
    wanted = list(fusions(system))
    params = {f.rule: parse(_plugin(f.rule).Params, settings.get(f.rule), f"params.yaml: fuse.{f.rule}") for f in wanted}
    _check_scores(wanted, tables, classes)
    job = _FoldFusion(wanted, params, tables, clips, classes)
    found = dict(zip(folds, ordered_map(job, list(folds.items()), workers, "fusing", "fold"), strict=True))
    learned = {fusion.name: {fold: states[fusion.name] for fold, (_, states) in found.items()} for fusion in wanted}
    frames = [posteriors.without_scores(frame[frame["part"] == "test"]) for frame in tables.values()]
    frames += [rows[fusion.name] for fusion in wanted for rows, _ in found.values()]
    return pd.concat(frames, ignore_index=True), learned


def _check_scores(wanted: Sequence[Fusion], tables: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> None:
    for fusion in wanted:
        for part in fusion.parts if _on_scores(fusion.rule) else ():
            if part not in tables or posteriors.class_scores(tables[part], classes) is None:
                raise SettingsError(
                    f"params.yaml: systems: fusions: {fusion.rule} fuses class scores, and {part} has none; "
                    "use a classifier that gives them, such as linear_svm, or another rule"
                )


@dataclass(frozen=True)
class _FoldFusion:
    """All fusions of one fold."""

    wanted: Sequence[Fusion]
    params: Mapping[str, Settings]
    tables: Mapping[str, pd.DataFrame]
    clips: Sequence[Clip]
    classes: Sequence[str]

    def __call__(self, item: tuple[str, Fold]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
        name, fold = item
        rows = {model: frame[frame["fold"] == name] for model, frame in self.tables.items()}
        scores = {model: _Rows.of(frame, posteriors.probabilities(frame, self.classes)) for model, frame in rows.items()}
        val, test = ([clip for clip in self.clips if fold.get(clip.clip_id) == part] for part in ("val", "test"))
        labels = np.array([self.classes.index(clip.emotion) for clip in val], np.int64)
        fused_again = {part for fusion in self.wanted for part in fusion.parts}
        frames, states = {}, {}
        for fusion in self.wanted:
            rule = _Rule(fusion.rule, self.params[fusion.rule])
            parts_of = {p: self._own(rows[p]) if _on_scores(fusion.rule) else scores[p] for p in fusion.parts}
            known, unseen = (np.stack([parts_of[p].get(part) for p in fusion.parts]) for part in (val, test))
            state = states[fusion.name] = rule.fit(known, labels)
            result = rule.fuse(unseen, state)
            frames[fusion.name] = _judged(fusion.name, name, test, result, self.classes)
            scores[fusion.name] = _Rows({}, len(self.classes))
            scores[fusion.name].put(test, result)
            if fusion.name in fused_again:
                parts = held_out_parts([clip.speaker for clip in val], labels)
                scores[fusion.name].put(val, rule.out_of_part(known, labels, parts))
        return frames, states

    def _own(self, frame: pd.DataFrame) -> _Rows:
        found = posteriors.class_scores(frame, self.classes)
        return _Rows.of(frame, np.zeros((0, len(self.classes))) if found is None else found)


def _on_scores(rule: str) -> bool:
    """Whether a rule fuses class scores; all others fuse posteriors."""
    return getattr(_plugin(rule), "INPUT", "posteriors") == "scores"


def _plugin(name: str) -> ModuleType:
    return plugins.load("fusion", name, "systems: fusions, stacked")


class _Rule:
    """A plugin of pipeline/fusion with its settings."""

    def __init__(self, name: str, params: Settings) -> None:
        self.plugin = _plugin(name)
        self.params = params

    def fit(self, scores: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
        """Return what the rule learns from scores (M, N, C) and labels (N,)."""
        return self.plugin.fit(self.params, scores, labels)

    def fuse(self, scores: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        """Return (N, C) for scores (M, N, C)."""
        return self.plugin.fuse(scores, state)

    def out_of_part(self, scores: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> np.ndarray:
        """Return what the rule makes of validation clips that it has not learned from, (N, C).

        A rule that fuses this one's result learns from it on validation clips. In-sample it would look better there
        than on any test clip, so that d of eq. (5) would be too large and the regression win where it should not.
        """
        fused = np.full(scores.shape[1:], np.nan)
        for part in np.unique(parts):
            held = parts == part
            fused[held] = self.fuse(scores[:, held], self.fit(scores[:, ~held], labels[~held]))
        return fused


def held_out_parts(speakers: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Return the number of the part in which each validation clip is held out, (N,).

    One part per speaker (ten at most) where there are three speakers or more, since fusion is then judged on people
    that it has not met, as in the test; otherwise up to five stratified parts: one speaker is too little to learn from.
    """
    names, number = np.unique(np.array(speakers, str), return_inverse=True)
    return number % MOST_SPEAKER_GROUPS if len(names) >= 3 else deal(labels)


class _Rows:
    """Posteriors of one model or fusion in one fold, by clip."""

    def __init__(self, rows: dict[str, np.ndarray], classes: int) -> None:
        self._rows, self._missing = rows, np.full(classes, np.nan)

    @classmethod
    def of(cls, frame: pd.DataFrame, values: np.ndarray) -> _Rows:
        """Return values (N, C) by the clips of a table."""
        return cls(dict(zip(frame["clip_id"], values, strict=True)), values.shape[1])

    def get(self, clips: Sequence[Clip]) -> np.ndarray:
        """Return (N, C); NaN for a clip that could not be judged."""
        rows = [self._rows.get(clip.clip_id, self._missing) for clip in clips]
        return np.array(rows).reshape(len(clips), len(self._missing))

    def put(self, clips: Sequence[Clip], rows: np.ndarray) -> None:
        """Add (N, C)."""
        self._rows |= {clip.clip_id: row for clip, row in zip(clips, rows, strict=True)}


def _judged(name: str, fold: str, clips: Sequence[Clip], fused: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    known = ~np.isnan(fused).any(axis=1)
    judged = [clip for clip, is_known in zip(clips, known, strict=True) if is_known]
    return posteriors.table(name, fold, "test", judged, fused[known], classes)
