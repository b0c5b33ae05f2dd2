"""The feedback loop of a system, fold by fold: an offline simulation that no prediction rests on.

Of every fold the test clips are split into two halves, stratified by label. The `Organiser` holds the labels of the
first and answers submissions (`pipeline/fusion/weights/feedback_loop.py`); on the second nothing is ever returned.
Comparing both shows how far the weights that are kept fit the clips that gave the feedback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipeline.core.clip import Clip
from pipeline.core.files import write_json
from pipeline.core.posteriors import write_table
from pipeline.core.settings import parse
from pipeline.engine.parallel import ordered_map
from pipeline.fusion.per_fold import FoldFusion, clips_of
from pipeline.fusion.rules import deal, weighted
from pipeline.fusion.run import fused_parts
from pipeline.fusion.weights.challenge_server import Organiser, fit_to_feedback
from pipeline.fusion.weights.feedback_loop import FeedbackSettings, Learned, Step, learn
from pipeline.protocols.splits import Fold
from pipeline.systems.ids import FusionId
from pipeline.systems.params import SystemParams, fusions


def run_feedback(
    system: SystemParams,
    settings: Mapping[str, Any],
    tables: Mapping[str, pd.DataFrame],
    clips: Sequence[Clip],
    folds: Mapping[str, Fold],
    classes: Sequence[str],
    workers: int = 1,
) -> dict[str, Any] | None:
    """Return what the loop learned in every fold, as plain JSON; None where the system asks for no loop.

    Args:
        system: what is fused
        settings: `fuse`: rule -> its settings; candidates and limit of the search are those of `weighted`
        tables: model -> its posteriors (val and test)
        clips: all clips of the corpus
        folds: fold name -> fold
        classes: emotions
        workers: processes

    Raises:
        SettingsError: settings that a rule does not know, or too many candidates for that many parts
    """
    wanted = system.feedback
    if wanted is None:
        return None
    combined = system.combined[wanted.fusion]
    name = FusionId.combined(wanted.fusion, combined.rule)
    fusion = next(each for each in fusions(system) if each.name == name)
    search = parse(weighted.Params, settings.get("weighted"), "params.yaml: fuse.weighted")
    loop = FeedbackSettings(
        steps=wanted.steps, rate=wanted.rate, candidates=search.candidates, node_limit=search.node_limit
    )
    fused = fused_parts(fusion, system, settings, tables, clips, classes)
    job = _FoldFeedback(fused, fusion.parts, combined.of, loop)
    found = ordered_map(job, list(folds.items()), workers, "feedback", "fold")
    by_fold = dict(zip(folds, found, strict=True))
    return {"fusion": name, "parts": combined.of, "classes": list(classes), "folds": by_fold}


@dataclass(frozen=True)
class _FoldFeedback:
    """The loop in one fold."""

    fused: FoldFusion
    parts: Sequence[str]
    shown: Sequence[str]
    loop: FeedbackSettings

    def __call__(self, item: tuple[str, Fold]) -> dict[str, Any]:
        found, fold = self.fused(item), item[1]
        val, test = (clips_of(self.fused.clips, fold, part) for part in ("val", "test"))
        halves = deal(self._labels(test), most=2)
        answered, unseen = ([clip for clip, half in zip(test, halves, strict=True) if half == n] for n in (0, 1))
        known, held_out, plain = (found.of(self.parts, each) for each in (val, answered, unseen))
        organiser = Organiser(self._labels(answered), len(self.fused.classes))
        learned = learn(organiser, held_out, known, self._labels(val), self.loop)
        fit = fit_to_feedback(learned.weights, organiser, held_out, plain, self._labels(unseen))
        return {
            "validation_clips": len(val),
            "clips_with_feedback": len(answered),
            "clips_without_feedback": len(unseen),
            "end": learned.end,
            "kept": learned.kept + 1,
            "with_feedback": fit.with_feedback,
            "without_feedback": fit.without_feedback,
            "excess": fit.excess,
            "steps": self._steps(learned),
        }

    def _labels(self, clips: Sequence[Clip]) -> np.ndarray:
        return np.array([self.fused.classes.index(clip.emotion) for clip in clips], np.int64)

    def _steps(self, learned: Learned) -> list[dict[str, Any]]:
        return [
            {
                "distance": step.distance,
                "loss": step.reward,
                "validation_accuracy": step.accuracy,
                "changed": self._changed(step),
                "weights": step.weights.tolist(),
                "emphasis": step.emphasis,
                "predicted": step.feedback.predicted,
                "true": step.feedback.true,
            }
            for step in learned.steps
        ]

    def _changed(self, step: Step) -> list[dict[str, Any]]:
        return [
            {"part": self.shown[part], "emotion": self.fused.classes[c], "before": before, "now": now}
            for part, c, before, now in step.changed
        ]


def step_table(runs: Mapping[str, Any]) -> pd.DataFrame:
    """Return one row per fold and step of what `run_feedback` returned.

    Columns: fold, step, kept (yes or no), distance, loss, validation_accuracy, changed, and of every class the weight W
    of eq. (2), its share among the predictions and among the labels that the organiser holds.
    """
    rows = []
    for fold, run in runs["folds"].items():
        for number, step in enumerate(run["steps"], 1):
            changed = [f"{c['part']} {c['emotion']}: {c['before']:g} to {c['now']:g}" for c in step["changed"]]
            row = {"fold": fold, "step": number, "kept": "yes" if number == run["kept"] else "no"}
            row |= {key: step[key] for key in ("distance", "loss", "validation_accuracy")}
            row |= {"changed": "; ".join(changed)}
            for kind in ("emphasis", "predicted", "true"):
                row |= {f"{kind}_{name}": value for name, value in zip(runs["classes"], step[kind], strict=True)}
            rows.append(row)
    return pd.DataFrame(rows)


def write_feedback(folder: Path, runs: Mapping[str, Any] | None) -> None:
    """Write feedback.json and feedback.csv; nothing where there was no loop."""
    if runs is not None:
        write_json(folder / "feedback.json", runs)
        write_table(folder / "feedback.csv", step_table(runs))
