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

import pandas as pd

from pipeline.core.clip import Clip
from pipeline.core.files import write_json
from pipeline.core.posteriors import write_table
from pipeline.core.settings import parse
from pipeline.engine.parallel import ordered_map
from pipeline.fusion.per_fold import FoldFusion, clips_of, rule_params
from pipeline.fusion.rules import weighted
from pipeline.fusion.weights.challenge_server import Organiser, fit_to_feedback
from pipeline.fusion.weights.feedback_loop import Step, learn
from pipeline.protocols.held_out import deal
from pipeline.protocols.splits import Fold
from pipeline.systems.combined import FeedbackParams
from pipeline.systems.ids import FusionId
from pipeline.systems.params import SystemParams, named_fusions


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

    Arguments are those of `fuse_all`; candidates and limit of the search are those of `weighted`. A SettingsError says
    that a rule does not know its settings, or that there are too many candidates for that many parts.
    """
    loop = system.feedback
    if loop is None:
        return None
    combined, by_name = system.combined[loop.fusion], named_fusions(system)
    fusion = by_name[FusionId.combined(loop.fusion, combined.rule)]
    searched = parse(weighted.Params, settings.get("weighted"), "params.yaml: fuse.weighted")
    below = list(fusion.parts)
    for part in below:  # grows while it is walked: the parts of the parts
        below += by_name[part].parts if part in by_name else ()
    wanted = [each for each in by_name.values() if each.name in below]
    fused = FoldFusion(wanted, rule_params(wanted, settings), tables, clips, classes)
    job = _FoldFeedback(fused, fusion.parts, combined.of, loop, searched)
    found = ordered_map(job, list(folds.items()), workers, "feedback", "fold")
    by_fold = dict(zip(folds, found, strict=True))
    return {"fusion": fusion.name, "parts": combined.of, "classes": list(classes), "folds": by_fold}


@dataclass(frozen=True)
class _FoldFeedback:
    """The loop in one fold; `shown` are the names of the parts in params.yaml."""

    fused: FoldFusion
    parts: Sequence[str]
    shown: Sequence[str]
    loop: FeedbackParams
    searched: weighted.Params

    def __call__(self, item: tuple[str, Fold]) -> dict[str, Any]:
        said, fold, labels = self.fused(item).said, item[1], self.fused.labels
        val, test = (clips_of(self.fused.clips, fold, part) for part in ("val", "test"))
        halves = deal(labels(test), most=2)
        answered, unseen = ([clip for clip, half in zip(test, halves, strict=True) if half == n] for n in (0, 1))
        known, held_out, plain = (said.of(self.parts, each) for each in (val, answered, unseen))
        organiser = Organiser(labels(answered), len(self.fused.classes))
        learned = learn(organiser, held_out, known, labels(val), self.loop, self.searched)
        return {
            "validation_clips": len(val),
            "clips_with_feedback": len(answered),
            "clips_without_feedback": len(unseen),
            "end": learned.end,
            "kept": learned.kept + 1,
            **fit_to_feedback(learned.weights, organiser, held_out, plain, labels(unseen)),
            "steps": [self._shown(step) for step in learned.steps],
        }

    def _shown(self, step: Step) -> dict[str, Any]:
        changed = [
            {"part": self.shown[part], "emotion": self.fused.classes[c], "before": before, "now": now}
            for part, c, before, now in step.changed
        ]
        return {
            "distance": step.distance,
            "loss": step.reward,
            "validation_accuracy": step.accuracy,
            "changed": changed,
            "weights": step.weights.tolist(),
            "emphasis": step.emphasis,
            "predicted": step.feedback.predicted,
            "true": step.feedback.true,
        }


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
