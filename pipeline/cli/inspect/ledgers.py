"""A ledger at a glance: what happened in each stage, then the clips that lost something, worst first."""

from __future__ import annotations

from collections import Counter, defaultdict

from pipeline.cli.inspect.csv_table import CsvTable
from pipeline.cli.layout import Part, pairs, shown, table
from pipeline.core.ledger import STATUSES
from pipeline.runner.terminal import count, short

_STAGES, _CLIPS = 30, 20
_WORST_FIRST = ("failed", "absent", "degraded")
Loss = tuple[str, str, str, str]
"""Status, stage, reason and detail."""
Ended = dict[tuple[str, str], int]
"""Status and reason -> how many clips ended so."""


def describe(rows: CsvTable) -> list[Part]:
    """Return counts by stage, status and reason, and the clips that lost something."""
    by: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    losses: dict[str, list[Loss]] = defaultdict(list)
    clips = set()
    for row in rows:
        by[row["stage"]][row["status"], row["reason"]] += 1
        clips.add(row["clip_id"])
        if row["status"] != "ok":
            losses[row["clip_id"]].append((row["status"], row["stage"], row["reason"], row["detail"]))
    about = [("clips", f"{len(clips)}, {len(clips) - len(losses)} of them ok in every stage"), ("stages", len(by))]
    ended = {stage: dict(sorted(by[stage].items())) for stage in sorted(by)}
    return [pairs(about), "", _by_stage(ended), "", *_by_clip(losses)]


def _by_stage(ended: dict[str, Ended]) -> Part:
    """Return a row per stage; where there are many, stages of one kind that ended alike share a row."""
    there = {status for how in ended.values() for status, _ in how}
    names = [name for name in STATUSES if name in there] + sorted(there - set(STATUSES))  # a ledger of another version
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stage, how in ended.items():
        groups[(stage.split(":")[0], str(how)) if len(ended) > _STAGES else (stage, "")].append(stage)
    lines = []
    for (kind, _), alike in groups.items():
        how = ended[alike[0]]
        counts = [sum(number for (status, _), number in how.items() if status == name) or "." for name in names]
        reasons = ", ".join(f"{reason} {number}" for (_, reason), number in how.items() if reason)
        label = alike[0] if len(alike) == 1 else f"{kind}: {len(alike)} stages, each"
        lines.append([label, *counts, reasons])
    return table(["stage", *names, "reasons"], lines, (0, len(names) + 1))


def _by_clip(losses: dict[str, list[Loss]]) -> list[Part]:
    if not losses:
        return ["no clip lost anything"]
    counts = {clip_id: Counter(status for status, *_ in lost) for clip_id, lost in losses.items()}
    worst = sorted(losses, key=lambda clip_id: (*(-counts[clip_id][name] for name in _WORST_FIRST), clip_id))
    lines = []
    for clip_id in worst[:_CLIPS]:
        # the first loss that no earlier stage explains
        first = next((loss for loss in losses[clip_id] if not loss[3].startswith("after ")), losses[clip_id][0])
        status, stage, reason, detail = first
        ended = ", ".join(f"{counts[clip_id][name]} {name}" for name in _WORST_FIRST if counts[clip_id][name])
        lines.append([short(clip_id, 40), ended, stage, f"{reason or status}{f': {detail}' if detail else ''}"])
    found = table(["clip", "stages", "first in", "why"], lines, range(4))
    title = f"{count(len(worst), 'clip')} that lost something, worst first"
    return [title, "", *shown([found], len(worst), _CLIPS, f"more; one of them: --clip {worst[-1]}")]
