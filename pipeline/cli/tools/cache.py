"""`python -m pipeline cache`: what the clip cache holds, and how to make room."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from pipeline.cli.layout import Part, table, text_of
from pipeline.engine.clip_cache import ClipCache

_DAY_S = 86_400
_UNREADABLE = "(damaged, or of before)"


def status(cache: ClipCache) -> str:
    """Return a line per stage: entries, failures among them, size, and when one was last used."""
    entries: dict[str, list[tuple[int, float, bool]]] = defaultdict(list)
    for path in sorted(cache.entries()):
        state, head = path.stat(), cache.peek(path)
        stage = _UNREADABLE if head is None else head.stage or "source tasks"
        entries[stage].append((state.st_size, state.st_mtime, bool(head and head.reason)))
    now = time.time()
    rows = [
        [*_counts(stage, found), _ago(now - max(one[1] for one in found))] for stage, found in sorted(entries.items())
    ]
    everything = [one for found in entries.values() for one in found]
    total = sum(one[0] for one in everything) / 1e9
    parts: list[Part] = [
        table(["stage", "clips", "failed", "MB", "last used"], [*rows, [*_counts("all", everything), ""]], (0, 4)),
        "",
        f"{cache.root}: {total:.2f} of {cache.max_gb:g} GB (runtime.clip_cache_gb); used longest ago goes first",
    ]
    if left := cache.abandoned():
        parts.append(f"{len(left)} half-written files of killed runs; `python -m pipeline cache prune` deletes them")
    return text_of(parts)


def _counts(name: str, found: Sequence[tuple[int, float, bool]]) -> list[object]:
    return [name, len(found), sum(one[2] for one in found), f"{sum(one[0] for one in found) / 1e6:.1f}"]


def prune(cache: ClipCache, gb: float | None, stage: str = "") -> str:
    """Make room and return one line.

    Args:
        cache: the cache
        gb: what may stay, GB; None = the cache's own bound
        stage: delete entries of this stage, whatever their age, instead; what cannot be read goes in either case
    """
    before, gone = _size(cache), 0
    for path in list(cache.entries()):
        head = cache.peek(path)
        if head is None or (stage and head.stage == stage):
            path.unlink(missing_ok=True)
            gone += 1
    if not stage:
        gone += ClipCache(cache.root, cache.max_gb if gb is None else gb).prune()
    after = _size(cache)
    return f"{cache.root}: {gone} entries deleted, {(before - after) / 1e6:.1f} MB; {after / 1e9:.2f} GB left"


def _size(cache: ClipCache) -> int:
    return sum(path.stat().st_size for path in cache.entries())


def _ago(seconds: float) -> str:
    if seconds < 3600:
        return "within the hour"
    return f"{seconds / 3600:.0f} hours ago" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days ago"
