"""Clips that no fold of a published protocol has: each costs itself, and stands in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry, lost
from pipeline.protocols.fold_files import CORPORA, unlisted
from pipeline.protocols.published import PUBLISHED, groups_here, strangers
from pipeline.protocols.settings import ProtocolParams


def with_outside(
    entries: Iterable[Entry], clips: Sequence[Clip], params: ProtocolParams, root: Path = Path()
) -> list[Entry]:
    """Return the entries of a stage, `not_in_protocol` for clips of speakers or files that a published protocol does
    not know; lists of files lie below the corpus's root. A SettingsError says that the corpus is another one.
    """
    out: dict[str, str] = {}
    if params.name in PUBLISHED:
        groups_here(params.name, {clip.speaker for clip in clips})
        out = strangers(clips, params.name)
    elif params.name in CORPORA:
        out = unlisted(clips, params.name, root / params.folds)
    return [
        e if e.lost or e.clip_id not in out else lost(e.clip_id, e.stage, "not_in_protocol", out[e.clip_id])
        for e in entries
    ]
