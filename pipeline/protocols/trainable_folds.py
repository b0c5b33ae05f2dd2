"""The folds in which a feature or a model can be trained, where clips lack audio or video."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from pipeline.core.errors import PipelineError
from pipeline.core.ledger import Entry, lost
from pipeline.protocols.splits import Fold

_USES = {"train": "train", "val": "validate"}


def trainable_folds(
    folds: Mapping[str, Fold],
    present: Collection[str],
    absent: Collection[str],
    what: str,
    parts: Sequence[str] = tuple(_USES),
) -> dict[str, Fold]:
    """Return the folds with usable clips (ids `present`) in all `parts`, of which they need not have val; clips without
    the modality (ids `absent`) may leave a fold without any. `what` is learned, for the message.

    Raises:
        PipelineError: a fold has none although every clip has the modality: something is wrong
    """
    found = {}
    for name, fold in folds.items():
        sides = {part: [clip_id for clip_id, its_part in fold.items() if its_part == part] for part in parts}
        if sides.get("val") == []:  # validated on windows
            del sides["val"]
        lacking = [part for part, clips in sides.items() if not any(clip_id in present for clip_id in clips)]
        for part in lacking:
            check_absent(sides[part], absent, f"{what}: {name} has no clip to {_USES[part]} on; see its ledger")
        if not lacking:
            found[name] = fold
    return found


def not_learned(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries of a stage that could be trained in no fold."""
    return [
        e if e.lost else lost(e.clip_id, e.stage, "not_learned", "no fold has clips to train and to validate on")
        for e in entries
    ]


def check_absent(clips: Iterable[str], absent: Collection[str], message: str) -> None:
    """Refuse to go on, by a PipelineError with this message, where none of the clips that are needed lacks the
    modality.
    """
    if not any(clip_id in absent for clip_id in clips):
        raise PipelineError(message)
