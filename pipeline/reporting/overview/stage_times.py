"""How long each stage took the last time, how much memory it needed, and how many clips it computed anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from pipeline.engine.journal import read_journal
from pipeline.reporting.overview.reports import Places
from pipeline.runner.runlog import read_stage_times

_UNITS = ((3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True)
class StageRow:
    """One stage, or all instances of one kind; None for what no log tells.

    The clip counts are None where the stage works on the corpus as a whole.
    """

    name: str  # as DVC calls it, or of the kind
    seconds: float | None  # of several together
    peak_mb: float | None  # of the process that needed most
    computed: int | None  # clips
    reused: int | None  # clips that the clip cache held
    count: int = 1  # instances

    @property
    def texts(self) -> tuple[str, ...]:
        """Time, memory, computed and reused, as text; "" for what nobody knows."""
        return (
            "" if self.seconds is None else duration(self.seconds),
            "" if self.peak_mb is None else f"{self.peak_mb:.0f} MB",
            *("" if clips is None else str(clips) for clips in (self.computed, self.reused)),
        )


def duration(seconds: float) -> str:
    """Return seconds as a reader takes them in: `4.2 s`, `3 min 20 s`, `2 h 5 min`.

    >>> [duration(seconds) for seconds in (4.21, 200, 7500)]
    ['4.2 s', '3 min 20 s', '2 h 5 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    place = 0 if seconds >= 3600 else 1
    (large, name), (small, below) = _UNITS[place], _UNITS[place + 1]
    whole = round(seconds / small)
    return f"{whole * small // large} {name} {whole % (large // small)} {below}"


def stage_rows(places: Places) -> list[StageRow]:
    """Return a row per stage that left a trace, in the order in which they ran; those without a log last."""
    clips = _reuse(places)
    rows = []
    for stage, run in sorted(read_stage_times(places.logs).items(), key=lambda item: str(item[1].get("begin", ""))):
        out = PurePath(str(run.get("out", "")))
        counts = clips.pop(f"{out.parent.name}/{out.stem}", (None, None))
        rows.append(StageRow(stage, _number(run, "seconds"), _number(run, "peak_mb"), *counts))
    return rows + [StageRow(name, None, None, *counts) for name, counts in clips.items()]


def _number(run: Mapping[str, object], key: str) -> float | None:
    value = run.get(key)
    return float(value) if isinstance(value, int | float) else None


def _reuse(places: Places) -> dict[str, tuple[int, int]]:
    """Return `<corpus>/<feature>` -> clips (computed, reused from the clip cache) in the last run of its stage here."""
    found = {}
    for path in sorted((places.cache / "journal").glob("*/*.jsonl")):
        if (journal := read_journal(path)) is not None:
            computed = sum(row.how == "computed" for row in journal.rows.values())
            found[f"{path.parent.name}/{path.stem}"] = (computed, len(journal.rows) - computed)
    return found


def by_kind(rows: Sequence[StageRow]) -> list[StageRow]:
    """Return a row per stage of dvc.yaml, all of its instances together, the longest first."""
    kinds: dict[str, list[StageRow]] = {}
    for row in rows:
        kinds.setdefault(row.name.partition("@")[0], []).append(row)
    return sorted((_together(kind, own) for kind, own in kinds.items()), key=lambda row: -(row.seconds or 0.0))


def _together(kind: str, rows: Sequence[StageRow]) -> StageRow:
    def over(total: Callable[[Iterable[Any]], Any], key: str) -> Any:
        known = [value for row in rows if (value := getattr(row, key)) is not None]
        return total(known) if known else None

    computed, reused = over(sum, "computed"), over(sum, "reused")
    return StageRow(kind, over(sum, "seconds"), over(max, "peak_mb"), computed, reused, len(rows))
