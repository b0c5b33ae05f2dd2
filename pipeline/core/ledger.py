"""What happened to each clip in each stage: nothing disappears silently."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from pipeline.core.errors import ABSENT, REASONS, ArtifactError, TooManyFailures
from pipeline.core.files import write_csv

STATUSES = ("ok", "degraded", "absent", "failed")
NOTE = "note: "
"""Begins what was chosen where a clip left a choice, such as one of two audio streams: a detail, and no fault."""


@dataclass(frozen=True, order=True)
class Entry:
    """One clip in one stage.

    Attributes:
        stage: stage, with the feature or model where there is one, such as `extract:lld147`
        status: `ok`; `degraded` (a result, but not from all of the input); `absent` (no result, since the clip never
            had what it would be made of); `failed` (no result)
        reason: one of `pipeline.core.errors.REASONS`, "" for ok
        detail: the same in words, and what was chosen (`NOTE`), also of a clip that is ok

    >>> Entry("s01_anger_1", "extract:lld147", "failed", "no_audio").after("train:lld147-svm").detail
    'after extract:lld147'
    >>> Entry("s01_anger_1", "extract:lld147", "failed")
    Traceback (most recent call last):
    ValueError: s01_anger_1: a clip is ok or has a reason, not 'failed' with ''
    """

    clip_id: str
    stage: str
    status: str = "ok"
    reason: str = ""
    detail: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"unknown ledger status {self.status!r}")
        if (self.status == "ok") != (self.reason == ""):
            raise ValueError(f"{self.clip_id}: a clip is ok or has a reason, not {self.status!r} with {self.reason!r}")
        if self.reason and self.reason not in REASONS:
            raise ValueError(f"unknown ledger reason {self.reason!r}")

    @property
    def lost(self) -> bool:
        """Whether there is no result."""
        return self.status in ("absent", "failed")

    def after(self, stage: str) -> Entry:
        """Return what a later stage writes of a clip that was lost here."""
        return Entry(self.clip_id, stage, self.status, self.reason, f"after {self.stage}")


def lost(clip_id: str, stage: str, reason: str, detail: str = "") -> Entry:
    """Return the entry of a clip without a result: absent or failed, as its reason says."""
    return Entry(clip_id, stage, "absent" if reason in ABSENT else "failed", reason, detail)


def noted(clip_id: str, stage: str, notes: Iterable[str]) -> Entry:
    """Return the entry of a clip with a result: degraded by the first of its notes that is `reason: detail`, ok where
    all of them begin with `NOTE`.

    >>> noted("a", "s", ["note: audio stream 2 of 2", "few_faces"]).status
    'degraded'
    >>> noted("a", "s", ["note: audio stream 2 of 2"]).detail
    'note: audio stream 2 of 2'
    """
    first, *others = sorted(notes, key=lambda note: note.startswith(NOTE)) or [NOTE]
    reason, _, detail = ("", "", first) if first.startswith(NOTE) else first.partition(": ")
    words = "; also ".join(word for word in (detail, *others) if word and word != NOTE)
    return Entry(clip_id, stage, "degraded" if reason else "ok", reason, words)


def lost_by_id(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Return clip id -> entry, of the clips without a result."""
    return {entry.clip_id: entry for entry in entries if entry.lost}


def absent_ids(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the clips that lack the sound or the picture, so that there is no result."""
    return frozenset(entry.clip_id for entry in entries if entry.status == "absent")


def write_ledger(path: Path, entries: Iterable[Entry]) -> None:
    """Write the entries, sorted and without repetition, as CSV."""
    write_csv(path, (field.name for field in fields(Entry)), (vars(entry).values() for entry in sorted(set(entries))))


def read_ledger(path: Path) -> list[Entry]:
    """Read what `write_ledger` wrote."""
    if not path.is_file():
        raise ArtifactError(f"{path}: no such ledger; run `dvc repro` for the stage that writes it")
    with path.open(newline="", encoding="utf-8") as file:
        try:
            return [Entry(**row) for row in csv.DictReader(file)]
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"{path}: not a ledger ({error}); run `dvc repro -f` for its stage") from error


def summary(entries: Iterable[Entry]) -> str:
    """Return one line of counts, such as `110 ok, 1 degraded (few_faces), 1 failed (no_audio)`.

    >>> summary([Entry("a", "s"), Entry("b", "s"), lost("c", "s", "no_face"), lost("d", "s", "no_video")])
    '2 ok, 1 absent (no_video), 1 failed (no_face)'
    """
    counts = Counter((entry.status, entry.reason) for entry in entries)
    parts = []
    for status in STATUSES:
        found = {reason: number for (of, reason), number in counts.items() if of == status}
        reasons = ", ".join(f"{reason} {n}" if n > 1 else reason for reason, n in found.items() if reason)
        if found:
            parts.append(f"{sum(found.values())} {status}" + (f" ({reasons})" if reasons else ""))
    return ", ".join(parts) or "no clips"


def check_failures(entries: Iterable[Entry], allowed: float, where: Path) -> None:
    """Raise `TooManyFailures` where more than a share `allowed` of the entries of one stage, in the ledger `where`,
    failed; a clip that never had the sound or the picture has not.
    """
    entries = list(entries)
    failed = [entry for entry in entries if entry.status == "failed"]
    if len(failed) > allowed * len(entries):
        such = f", such as '{failed[0].clip_id}': {failed[0].detail}" if failed[0].detail else ""
        raise TooManyFailures(
            f"{where}: {len(failed)} of {len(entries)} clips failed ({summary(entries)}{such}), more than "
            f"runtime.max_failed_fraction={allowed:g}; mend the clips, or raise the setting"
        )
