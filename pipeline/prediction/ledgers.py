"""What happened to new clips: lines of the ledger as the stages write them, and words for the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry, lost, lost_by_id
from pipeline.prediction.choice import Choice
from pipeline.prediction.judging import Outcome
from pipeline.systems.ledger import fusion_entry

STAGE = "predict"


def entries_of(
    choice: Choice, clips: Sequence[Clip], outcome: Outcome, features: Mapping[str, Sequence[Entry]]
) -> list[Entry]:
    """Return one entry per model or fusion and clip: ok, degraded (without a model below it), absent or failed;
    `features`: path of a feature -> its ledger.
    """
    judged = {name: ~np.isnan(rows).any(axis=1) for name, rows in outcome.posteriors.items()}
    causes = {name: lost_by_id(features[model.source]) for name, model in choice.models.items()}
    entries: list[Entry] = []
    for number, clip in enumerate(clips):
        made: dict[str, Entry] = {}
        for name in choice.models:
            stage, cause = f"{STAGE}:{name}", causes[name].get(clip.clip_id)
            why = cause.after(stage) if cause else lost(clip.clip_id, stage, "no_input", "no observed frame")
            made[name] = Entry(clip.clip_id, stage) if judged[name][number] else why
        for name in choice.untrained:
            made[name] = lost(clip.clip_id, f"{STAGE}:{name}", "not_learned", "trained in no fold")
        for fusion in choice.fusions:
            name, below = str(fusion.name), {str(part): made[part] for part in fusion.parts}
            short = {part: entry for part, entry in below.items() if entry.status != "ok"}
            made[name] = fusion_entry(clip.clip_id, f"{STAGE}:{name}", short, bool(judged[name][number]))
        entries += made.values()
    return entries


def words(clip_id: str, entries: Sequence[Entry]) -> list[str]:
    """Return why a clip is judged from less than all of it, such as `no face`; each reason once."""
    own = [entry for entry in entries if entry.clip_id == clip_id and not entry.detail.startswith("after ")]
    return list(dict.fromkeys(entry.reason.replace("_", " ") for entry in own if entry.reason))
