"""All fusions of one fold: each learns on validation clips and is applied to the test clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import plugins, posteriors
from pipeline.core.clip import Clip
from pipeline.core.settings import Settings
from pipeline.fusion.rules import deal
from pipeline.protocols.splits import Fold
from pipeline.systems.params import Fusion

MOST_SPEAKER_GROUPS = 10
"""With more validation speakers, several share a held-out part: a corpus of 90 would take hours otherwise."""


@dataclass(frozen=True)
class Fused:
    """What the fusions of one fold gave.

    Attributes:
        rows: fusion -> its rows of test clips
        validation: fusion -> its rows of validation clips, where they are wanted; by what it learned from other clips
        states: fusion -> what it learned
        scores: model or fusion -> posteriors by clip; those of a fusion on validation clips only where they are wanted
    """

    rows: Mapping[str, pd.DataFrame]
    validation: Mapping[str, pd.DataFrame]
    states: Mapping[str, Any]
    scores: Mapping[str, Rows]

    def of(self, parts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the posteriors of some models or fusions, (M, N, C), NaN where one could not judge a clip."""
        return np.stack([self.scores[part].get(clips) for part in parts])


@dataclass(frozen=True)
class FoldFusion:
    """All fusions of one fold.

    Attributes:
        wanted: in an order in which every part comes before what it is part of
        again: fusions whose posteriors on validation clips are wanted
        params: rule -> its settings
        tables: model -> its posteriors (val and test)
        clips: all clips of the corpus
        classes: emotions
    """

    wanted: Sequence[Fusion]
    again: frozenset[str]
    params: Mapping[str, Settings]
    tables: Mapping[str, pd.DataFrame]
    clips: Sequence[Clip]
    classes: Sequence[str]

    def __call__(self, item: tuple[str, Fold]) -> Fused:
        """Return what the fusions of a fold, with its name, give."""
        name, fold = item
        rows = {model: frame[frame["fold"] == name] for model, frame in self.tables.items()}
        scores = {model: Rows.of(frame, posteriors.probabilities(frame, self.classes)) for model, frame in rows.items()}
        val, test = clips_of(self.clips, fold, "val"), clips_of(self.clips, fold, "test")
        labels = np.array([self.classes.index(clip.emotion) for clip in val], np.int64)
        frames: dict[str, pd.DataFrame] = {}
        validated: dict[str, pd.DataFrame] = {}
        states: dict[str, Any] = {}
        for fusion in self.wanted:
            rule = _Rule(fusion.rule, self.params[fusion.rule])
            parts_of = {p: self._own(rows[p]) if on_scores(fusion.rule) else scores[p] for p in fusion.parts}
            known, unseen = (np.stack([parts_of[p].get(part) for p in fusion.parts]) for part in (val, test))
            state = states[fusion.name] = rule.fit(known, labels)
            result = rule.fuse(unseen, state)
            frames[fusion.name] = _judged(fusion.name, name, "test", test, result, self.classes)
            scores[fusion.name] = Rows({}, len(self.classes))
            scores[fusion.name].put(test, result)
            if fusion.name in self.again:
                parts = held_out_parts([clip.speaker for clip in val], labels)
                scores[fusion.name].put(val, held_out := rule.out_of_part(known, labels, parts))
                validated[fusion.name] = _judged(fusion.name, name, "val", val, held_out, self.classes)
        return Fused(frames, validated, states, scores)

    def _own(self, frame: pd.DataFrame) -> Rows:
        found = posteriors.class_scores(frame, self.classes)
        return Rows.of(frame, np.zeros((0, len(self.classes))) if found is None else found)


def on_scores(rule: str) -> bool:
    """Return whether a rule fuses class scores; all others fuse posteriors."""
    return getattr(plugin_of(rule), "INPUT", "posteriors") == "scores"


def plugin_of(name: str) -> ModuleType:
    """Return the plugin of a rule.

    Raises:
        SettingsError: there is none
    """
    return plugins.load("fusion", name, "systems: fusions, stacked, combined")


class _Rule:
    """A plugin of pipeline/fusion/rules with its settings."""

    def __init__(self, name: str, params: Settings) -> None:
        self.plugin = plugin_of(name)
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


def clips_of(clips: Sequence[Clip], fold: Fold, part: str) -> list[Clip]:
    """Return the clips of one part of a fold."""
    return [clip for clip in clips if fold.get(clip.clip_id) == part]


class Rows:
    """Posteriors of one model or fusion in one fold, by clip."""

    def __init__(self, rows: dict[str, np.ndarray], classes: int) -> None:
        """Take clip id -> (C,) and C."""
        self._rows, self._missing = rows, np.full(classes, np.nan)

    @classmethod
    def of(cls, frame: pd.DataFrame, values: np.ndarray) -> Rows:
        """Return values (N, C) by the clips of a table."""
        return cls(dict(zip(frame["clip_id"], values, strict=True)), values.shape[1])

    def get(self, clips: Sequence[Clip]) -> np.ndarray:
        """Return (N, C); NaN for a clip that could not be judged."""
        rows = [self._rows.get(clip.clip_id, self._missing) for clip in clips]
        return np.array(rows).reshape(len(clips), len(self._missing))

    def put(self, clips: Sequence[Clip], rows: np.ndarray) -> None:
        """Add (N, C)."""
        self._rows |= {clip.clip_id: row for clip, row in zip(clips, rows, strict=True)}


def _judged(
    name: str, fold: str, part: str, clips: Sequence[Clip], fused: np.ndarray, classes: Sequence[str]
) -> pd.DataFrame:
    known = ~np.isnan(fused).any(axis=1)
    judged = [clip for clip, is_known in zip(clips, known, strict=True) if is_known]
    return posteriors.table(name, fold, part, judged, fused[known], classes)
