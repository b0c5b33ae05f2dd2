"""Late fusion of one system: in each fold every rule learns from posteriors of clips that no model has learned from.

These are those of validation clips. A rule with `OUT_OF_FOLD` learns from those of training clips as well, where every
one of its models gives them, each by a model that has not met the clip's speaker (`logistic`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core import plugins, posteriors
from pipeline.core.clip import Clip
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Settings, parse
from pipeline.engine.parallel import ordered_map
from pipeline.protocols.held_out import held_out_parts
from pipeline.protocols.splits import Fold
from pipeline.systems.params import Fusion, SystemParams, fusions


def fuse_all(
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    classes: Sequence[str],
    workers: int = 1,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Fit every fusion of a system on validation posteriors and apply it to the test clips, fold by fold.

    Settings are rule -> its own, tables model -> its posteriors (val and test). Return rows of all models and fusions
    for test clips; rows of all fusions for validation clips that they have not learned from, for what is fitted on top
    of them; and what each fusion learned: name -> fold -> state.

    A SettingsError says that a rule does not exist, does not know its settings, or fuses class scores where a
    classifier gives none.
    """
    wanted = list(fusions(system))
    job = FoldFusion(wanted, rule_params(wanted, settings), tables, clips, classes)
    _check_scores(wanted, tables, classes)
    found = dict(zip(folds, ordered_map(job, list(folds.items()), workers, "fusing", "fold"), strict=True))
    learned: dict[str, Any] = {
        fusion.name: {fold: each.states[fusion.name] for fold, each in found.items()} for fusion in wanted
    }
    frames = [posteriors.without_scores(frame[frame["part"] == "test"]) for frame in tables.values()]
    fused = {part: [each.rows[part][f.name] for f in wanted for each in found.values()] for part in ("test", "val")}
    tested, validated = [*frames, *fused["test"]], fused["val"] or [pd.DataFrame(columns=frames[0].columns)]
    return pd.concat(tested, ignore_index=True), pd.concat(validated, ignore_index=True), learned


def _check_scores(wanted: Sequence[Fusion], tables: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> None:
    for fusion in wanted:
        for part in fusion.parts if on_scores(fusion.rule) else ():
            if part not in tables or posteriors.class_scores(tables[part], classes) is None:
                raise SettingsError(
                    f"params.yaml: systems: fusions: {fusion.rule} fuses class scores, and {part} has none; "
                    "use a classifier that gives them, such as linear_svm, or another rule"
                )


def rule_params(wanted: Sequence[Fusion], settings: Mapping[str, Any]) -> dict[str, Settings]:
    """Return rule -> its checked settings, of `fuse`."""
    rules = dict.fromkeys(fusion.rule for fusion in wanted)
    return {rule: parse(plugin_of(rule).Params, settings.get(rule), f"params.yaml: fuse.{rule}") for rule in rules}


def on_scores(rule: str) -> bool:
    """Return whether a rule fuses class scores; all others fuse posteriors."""
    return getattr(plugin_of(rule), "INPUT", "posteriors") == "scores"


def plugin_of(name: str) -> ModuleType:
    """Return the plugin of a rule; a SettingsError says that there is none."""
    return plugins.load("fusion", name, "systems: fusions, stacked, combined")


def clips_of(clips: Sequence[Clip], fold: Fold, part: str) -> list[Clip]:
    """Return the clips of one part of a fold."""
    return [clip for clip in clips if fold.get(clip.clip_id) == part]


class Said:
    """What models, and the fusions made of them, say in one fold, clip by clip; `tables` are model -> its rows."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], classes: Sequence[str]) -> None:
        self.tables, self.classes = tables, classes
        self._posteriors = {
            model: _by_clip(frame, posteriors.probabilities(frame, classes)) for model, frame in tables.items()
        }

    def of(self, parts: Sequence[str], clips: Sequence[Clip]) -> np.ndarray:
        """Return the posteriors of some models or fusions, (M, N, C), NaN where one could not judge a clip."""
        return self._stacked([self._posteriors[part] for part in parts], clips)

    def inputs(self, fusion: Fusion, clips: Sequence[Clip]) -> np.ndarray:
        """Return what a fusion takes of its parts, (M, N, C): class scores, where its rule fuses these."""
        if not on_scores(fusion.rule):
            return self.of(fusion.parts, clips)
        frames = [self.tables[part] for part in fusion.parts]
        return self._stacked([_by_clip(each, posteriors.class_scores(each, self.classes)) for each in frames], clips)

    def put(self, fusion: str, clips: Sequence[Clip], rows: np.ndarray) -> None:
        """Add what a fusion makes of clips, (N, C)."""
        self._posteriors.setdefault(fusion, {}).update(zip((clip.clip_id for clip in clips), rows, strict=True))

    def _stacked(self, parts: Sequence[Mapping[str, np.ndarray]], clips: Sequence[Clip]) -> np.ndarray:
        missing = np.full(len(self.classes), np.nan)
        rows = [[part.get(clip.clip_id, missing) for clip in clips] for part in parts]
        return np.array(rows).reshape(len(parts), len(clips), len(self.classes))


def _by_clip(frame: pd.DataFrame, values: np.ndarray | None) -> dict[str, np.ndarray]:
    return {} if values is None else dict(zip(frame["clip_id"], values, strict=True))


@dataclass(frozen=True)
class Fused:
    """What the fusions of one fold gave: part -> fusion -> its rows, those of validation clips by what it learned from
    other ones; fusion -> what it learned; posteriors of models and fusions.
    """

    rows: Mapping[str, Mapping[str, pd.DataFrame]]
    states: Mapping[str, Any]
    said: Said


@dataclass(frozen=True)
class FoldFusion:
    """Some fusions in one fold: every part comes before what it is part of; see `fuse_all`."""

    wanted: Sequence[Fusion]
    params: Mapping[str, Settings]
    tables: Mapping[str, pd.DataFrame]
    clips: Sequence[Clip]
    classes: Sequence[str]

    def __call__(self, item: tuple[str, Fold]) -> Fused:
        """Return what the fusions of a fold, with its name, give."""
        name, fold = item
        said = Said({model: frame[frame["fold"] == name] for model, frame in self.tables.items()}, self.classes)
        val, test = clips_of(self.clips, fold, "val"), clips_of(self.clips, fold, "test")
        rows: dict[str, dict[str, pd.DataFrame]] = {"val": {}, "test": {}}
        states: dict[str, Any] = {}
        for fusion in self.wanted:
            plugin, params = plugin_of(fusion.rule), self.params[fusion.rule]
            taught = [*val, *self._out_of_fold(plugin, fusion, said, fold)]
            inputs, labels = said.inputs(fusion, taught), self.labels(taught)
            speakers = np.array([clip.speaker for clip in taught], str)
            state = states[fusion.name] = plugin.fit(params, inputs, labels, speakers)
            held_out = _out_of_part(plugin, params, inputs, labels, speakers)
            said.put(fusion.name, taught, held_out)
            fused = {"val": (val, held_out[: len(val)]), "test": (test, plugin.fuse(said.inputs(fusion, test), state))}
            said.put(fusion.name, *fused["test"])
            for part, (clips, result) in fused.items():
                known = ~np.isnan(result).any(axis=1)
                judged = [clip for clip, is_known in zip(clips, known, strict=True) if is_known]
                rows[part][fusion.name] = posteriors.table(fusion.name, name, part, judged, result[known], self.classes)
        return Fused(rows, states, said)

    def _out_of_fold(self, plugin: ModuleType, fusion: Fusion, said: Said, fold: Fold) -> list[Clip]:
        """Return the training clips that a rule learns from: all, where each of its parts has judged any of them."""
        if not getattr(plugin, "OUT_OF_FOLD", False):
            return []
        train = clips_of(self.clips, fold, "train")
        return train if (~np.isnan(said.inputs(fusion, train))).any(axis=(1, 2)).all() else []

    def labels(self, clips: Sequence[Clip]) -> np.ndarray:
        """Return the class indices of clips, (N,)."""
        return np.array([self.classes.index(clip.emotion) for clip in clips], np.int64)


def _out_of_part(
    plugin: ModuleType,
    params: Settings,
    scores: np.ndarray,
    labels: np.ndarray,
    speakers: np.ndarray,
) -> np.ndarray:
    """Return what a rule makes of the clips that it learns from, each by its like that has not met the speaker, (N, C).

    A rule that fuses this one's result learns from it on these clips. In-sample it would look better there than on
    any test clip, so that d of eq. (5) would be too large and the regression win where it should not.
    """
    fused = np.full(scores.shape[1:], np.nan)
    parts = held_out_parts(speakers, labels)
    for part in np.unique(parts):
        held = parts == part
        state = plugin.fit(params, scores[:, ~held], labels[~held], speakers[~held])
        fused[held] = plugin.fuse(scores[:, held], state)
    return fused
