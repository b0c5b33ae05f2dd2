"""What the features that are learned in every fold share: where they lie, their ledger, and what a fold depends on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry, absent_ids, check_failures, summary, write_ledger
from pipeline.core.settings import Runtime
from pipeline.protocols.splits import Fold
from pipeline.protocols.trainable_folds import not_learned, trainable_folds


@dataclass(frozen=True)
class FoldPaths:
    """Where things are written: `kept` gets the history and the weights that are kept, `scratch` an unfinished run."""

    out: Path
    kept: Path
    ledger: Path
    scratch: Path


def recorded(
    stage: str,
    entries: Sequence[Entry],
    upstream: Sequence[Entry],
    folds: Mapping[str, Fold],
    ledger: Path,
    runtime: Runtime,
) -> tuple[dict[str, Fold], str]:
    """Write the ledger, and return the folds that the stage's clips can train in, and its entries in words."""
    present = {entry.clip_id for entry in entries if not entry.lost}
    learned = trainable_folds(folds, present, absent_ids(entries), stage)
    entries = entries if learned else not_learned(entries)
    write_ledger(ledger, [*upstream, *entries])
    check_failures(entries, runtime.max_failed_fraction, ledger)
    return learned, summary(entries)


def labelled(fold: Fold, clips: Sequence[Clip]) -> dict[str, Any]:
    """Return part and emotion of every clip of a fold, for a cache key."""
    emotions = {clip.clip_id: clip.emotion for clip in clips}
    return {clip_id: [part, emotions[clip_id]] for clip_id, part in sorted(fold.items())}
