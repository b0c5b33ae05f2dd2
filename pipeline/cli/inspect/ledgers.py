"""A ledger at a glance: what happened in each stage, then the clips that lost something, worst first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pipeline.cli.inspect.rows import Row, Table
from pipeline.core.ledger import STATUSES
from pipeline.runner.terminal import count, pairs, short, table

_STAGES, _CLIPS = 30, 20


@dataclass
class _Losses:
    """What one clip lost.

    Attributes:
        by: how many stages ended how
        first: status, stage, reason and detail of the first loss that no earlier stage explains
    """

    by: Counter[str] = field(default_factory=Counter)
    first: tuple[str, str, str, str] = ("", "", "", "")

    def add(self, row: Row) -> None:
        """Take an entry that is not ok."""
        self.by[row["status"]] += 1
        cause = (row["status"], row["stage"], row["reason"], row["detail"])
        if not self.first[0] or (_consequence(self.first[3]) and not _consequence(cause[3])):
            self.first = cause

    @property
    def weight(self) -> tuple[int, int, int]:
        """What clips are sorted by: failures, then absences, then results of part of the input."""
        return self.by["failed"], self.by["absent"], self.by["degraded"]


def _consequence(detail: str) -> bool:
    return detail.startswith("after ")


def describe(rows: Table) -> list[str]:
    """Return counts by stage, status and reason, and the clips that lost something."""
    by: Counter[tuple[str, str, str]] = Counter()
    clips: set[str] = set()
    losses: dict[str, _Losses] = {}
    for row in rows:
        by[row["stage"], row["status"], row["reason"]] += 1
        clips.add(row["clip_id"])
        if row["status"] != "ok":
            losses.setdefault(row["clip_id"], _Losses()).add(row)
    stages = sorted({stage for stage, _, _ in by})
    about = [("clips", f"{len(clips)}, {len(clips) - len(losses)} of them ok in every stage"), ("stages", len(stages))]
    return [*pairs(about), "", *_by_stage(by, stages), "", *_by_clip(losses)]


def _by_stage(by: Counter[tuple[str, str, str]], stages: list[str]) -> list[str]:
    """Return a row per stage; where there are many, stages of one kind that ended alike share a row."""
    names = [name for name in STATUSES if any(status == name for _, status, _ in by)]
    names += sorted({status for _, status, _ in by} - set(STATUSES))  # a ledger of another version
    ended: dict[str, dict[tuple[str, str], int]] = {stage: {} for stage in stages}
    for (stage, status, reason), number in sorted(by.items()):
        ended[stage][status, reason] = number
    lines = []
    for label, alike in _groups(ended).items():
        counts = [sum(number for (status, _), number in alike.items() if status == name) or "." for name in names]
        lines.append(
            [label, *counts, ", ".join(f"{reason} {number}" for (_, reason), number in alike.items() if reason)]
        )
    return table(["stage", *names, "reasons"], lines, (0, len(names) + 1))


def _groups(ended: dict[str, dict[tuple[str, str], int]]) -> dict[str, dict[tuple[str, str], int]]:
    """Return what a row says -> how it ended."""
    if len(ended) <= _STAGES:
        return ended
    groups: dict[tuple[str, str], list[str]] = {}
    for stage, how in ended.items():
        groups.setdefault((stage.split(":")[0], str(how)), []).append(stage)
    return {
        names[0] if len(names) == 1 else f"{kind}: {len(names)} stages, each": ended[names[0]]
        for (kind, _), names in groups.items()
    }


def _by_clip(losses: dict[str, _Losses]) -> list[str]:
    if not losses:
        return ["no clip lost anything"]
    worst = sorted(losses.items(), key=lambda item: (*(-n for n in item[1].weight), item[0]))
    lines = []
    for clip_id, loss in worst[:_CLIPS]:
        status, stage, reason, detail = loss.first
        ended = ", ".join(f"{loss.by[name]} {name}" for name in ("failed", "absent", "degraded") if loss.by[name])
        lines.append([short(clip_id, 40), ended, stage, f"{reason or status}{f': {detail}' if detail else ''}"])
    more = len(worst) - _CLIPS
    return [
        f"{count(len(worst), 'clip')} that lost something, worst first",
        "",
        *table(["clip", "stages", "first in", "why"], lines, range(4)),
        *([f"... and {more} more; one of them: --clip {worst[-1][0]}"] if more > 0 else []),
    ]
