"""`python -m pipeline cache`: what the clip cache holds, and how to make room."""

from __future__ import annotations

import time
from collections import defaultdict

from pipeline.engine.clip_cache import ClipCache

_DAY_S = 86_400
_UNREADABLE = "(damaged, or of before)"


def status(cache: ClipCache) -> str:
    """Return a line per stage: entries, failures among them, size, and when one was last used."""
    entries: dict[str, list[tuple[int, float, bool]]] = defaultdict(list)
    packs = {path.stem: path.stat().st_size for path in cache.packs.all()}
    for path in sorted(cache.entries()):
        state = path.stat()
        head = cache.peek(path)
        stage = _UNREADABLE if head is None else head.stage or "source tasks"
        taken = state.st_size + (
            packs.pop(head.pack, 0) if head is not None else 0
        )  # a file counts with its first clip
        entries[stage].append((taken, state.st_mtime, bool(head and head.reason)))
    lines = [f"{'stage':<28}{'clips':>8}{'failed':>8}{'MB':>10}   last used"]
    for stage, found in sorted(entries.items()):
        size, last = sum(one[0] for one in found) / 1e6, max(one[1] for one in found)
        lines.append(
            f"{stage:<28}{len(found):>8}{sum(one[2] for one in found):>8}{size:>10.1f}   {_ago(time.time() - last)}"
        )
    everything = [one for found in entries.values() for one in found]
    total = sum(one[0] for one in everything) / 1e9
    lines.append(f"{'all':<28}{len(everything):>8}{sum(one[2] for one in everything):>8}{1000 * total:>10.1f}")
    lines += [
        "",
        f"{cache.root}: {total:.2f} of {cache.max_gb:g} GB (runtime.clip_cache_gb); used longest ago goes first",
    ]
    if left := cache.abandoned():
        lines.append(f"{len(left)} half-written files of killed runs; `python -m pipeline cache prune` deletes them")
    return "\n".join(lines)


def prune(cache: ClipCache, gb: float | None, stage: str = "") -> str:
    """Make room and return one line.

    Args:
        cache: the cache
        gb: what may stay, GB; None = the cache's own bound
        stage: delete entries of this stage, whatever their age, instead; what cannot be read goes in either case
    """
    before, gone = cache.size(), 0
    for path in list(cache.entries()):
        head = cache.peek(path)
        if head is None or (stage and head.stage == stage):
            path.unlink(missing_ok=True)
            gone += 1
    cache.tidy()
    if not stage:
        gone += ClipCache(cache.root, cache.max_gb if gb is None else gb).prune()
    after = cache.size()
    return f"{cache.root}: {gone} entries deleted, {(before - after) / 1e6:.1f} MB; {after / 1e9:.2f} GB left"


def _ago(seconds: float) -> str:
    if seconds < 3600:
        return "within the hour"
    return f"{seconds / 3600:.0f} hours ago" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days ago"
