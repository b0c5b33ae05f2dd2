"""What happened to new clips: lines of the ledger as the stages write them, and words for the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry, lost, lost_by_id
from pipeline.prediction.choice import Choice
from pipeline.prediction.judging import Outcome
from pipeline.systems.params import Fusion

STAGE = "predict"


def entries_of(
    choice: Choice, clips: Sequence[Clip], outcome: Outcome, features: Mapping[str, Sequence[Entry]]
) -> list[Entry]:
    """Return one entry per model or fusion and clip: ok, degraded (without a model below it), absent or failed.

    Args:
        choice: what was asked
        clips: the clips
        outcome: what was found
        features: path of a feature -> its ledger
    """
    judged = {name: ~np.isnan(rows).any(axis=1) for name, rows in outcome.posteriors.items()}
    made: dict[str, dict[str, Entry]] = {}
    for name, model in choice.models.items():
        reasons, stage = lost_by_id(features[model.source]), f"{STAGE}:{name}"
        made[name] = {
            clip.clip_id: _of_model(clip.clip_id, stage, reasons.get(clip.clip_id), bool(known))
            for clip, known in zip(clips, judged[name], strict=True)
        }
    for name in choice.untrained:
        made[name] = {
            clip.clip_id: lost(clip.clip_id, f"{STAGE}:{name}", "not_learned", "trained in no fold") for clip in clips
        }
    for fusion in choice.fusions:
        made[str(fusion.name)] = {
            clip.clip_id: _of_fusion(fusion, clip.clip_id, made, bool(known))
            for clip, known in zip(clips, judged[fusion.name], strict=True)
        }
    return [entry for each in made.values() for entry in each.values()]


def _of_model(clip_id: str, stage: str, cause: Entry | None, judged: bool) -> Entry:
    if judged:
        return Entry(clip_id, stage)
    return cause.after(stage) if cause else lost(clip_id, stage, "no_input", "no observed frame")


def _of_fusion(fusion: Fusion, clip_id: str, made: Mapping[str, Mapping[str, Entry]], judged: bool) -> Entry:
    causes = {part: made[part][clip_id] for part in fusion.parts if made[part][clip_id].status != "ok"}
    # a fault is told before what the clip never had
    first = next(iter(sorted(causes.values(), key=lambda cause: cause.status == "absent")), None)
    stage = f"{STAGE}:{fusion.name}"
    if first is None:
        return Entry(clip_id, stage) if judged else Entry(clip_id, stage, "failed", "no_input")
    without = [part for part, cause in causes.items() if cause.lost]
    detail = f"without {', '.join(without)}" if without else first.detail
    return Entry(clip_id, stage, "degraded" if judged else first.status, first.reason, detail)


def words(clip_id: str, entries: Sequence[Entry]) -> list[str]:
    """Return why a clip is judged from less than all of it, such as `no face`; each reason once."""
    reasons = [
        entry.reason
        for entry in entries
        if entry.clip_id == clip_id and entry.reason and not entry.detail.startswith("after ")
    ]
    return [reason.replace("_", " ") for reason in dict.fromkeys(reasons)]
