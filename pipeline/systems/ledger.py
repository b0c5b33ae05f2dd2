"""What the ledger says of a fusion and a clip: ok, degraded (without a part), absent or failed (without all)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from pipeline.core.ledger import Entry
from pipeline.protocols.splits import Fold
from pipeline.systems.params import SystemParams, named_fusions, unimodal


def fusion_entry(clip_id: str, stage: str, causes: Mapping[str, Entry], judged: bool) -> Entry:
    """Return the entry of a fusion; `causes`: part -> its entry, of the parts that are not ok."""
    # a fault is told before what the clip never had
    first = min(causes.values(), key=lambda cause: cause.status == "absent", default=None)
    if first is None:
        return Entry(clip_id, stage) if judged else Entry(clip_id, stage, "failed", "no_input")
    without = ", ".join(part for part, cause in causes.items() if cause.lost)
    detail = f"without {without}" if without else first.detail
    return Entry(clip_id, stage, "degraded" if judged else first.status, first.reason, detail)


def fusion_entries(
    system: SystemParams, frame: pd.DataFrame, folds: Mapping[str, Fold], upstream: Iterable[Entry]
) -> list[Entry]:
    """Return one ledger entry per fusion and test clip, by the models below the fusion, through all levels."""
    tested = sorted({clip_id for fold in folds.values() for clip_id, part in fold.items() if part == "test"})
    lost = {(entry.clip_id, entry.stage): entry for entry in upstream if entry.lost}
    judged = set(zip(frame["model"], frame["clip_id"], strict=True))
    by_name = named_fusions(system)
    entries = []
    for name in by_name:
        models = unimodal(name, by_name)
        for clip_id in tested:
            causes = {str(m): lost[clip_id, f"train:{m}"] for m in models if (clip_id, f"train:{m}") in lost}
            entries.append(fusion_entry(clip_id, f"fuse:{name}", causes, (name, clip_id) in judged))
    return entries
