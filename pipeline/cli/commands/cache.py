"""Look at the clip cache, or make room in it.

The cache keeps what each stage computed of each clip; what is deleted is computed again when a stage wants it.

examples:
  python -m pipeline cache status
  python -m pipeline cache prune --gb 5
  python -m pipeline cache prune --stage extract:lld147
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from pipeline.cli.commands._arguments import PARAMS, Params, runtime_of

if TYPE_CHECKING:
    from pipeline.engine.clip_cache import ClipCache
    from pipeline.runner.layout import Part

_DAY_S = 86_400
_UNREADABLE = "(damaged, or of before)"


def status(params: Params = PARAMS) -> str:
    """Print entries and sizes by stage."""
    from pipeline.runner.layout import table, text_of

    cache = _cache(params)
    entries: list[tuple[str, int, float, bool]] = []  # stage, size, time of last use, failed
    packs = {path.stem: path.stat().st_size for path in cache.packs.all()}
    for path in sorted(cache.entries()):
        state, head = path.stat(), cache.peek(path)
        stage = _UNREADABLE if head is None else head.stage or "source tasks"
        packed = packs.pop(head.pack, 0) if head is not None else 0  # a feature file counts with its first clip
        entries.append((stage, state.st_size + packed, state.st_mtime, bool(head and head.reason)))
    rows, now, size = [], time.time(), 0
    for name in [*sorted({one[0] for one in entries}), "all"]:
        own = [one for one in entries if name in (one[0], "all")]
        size, used = sum(one[1] for one in own), "" if name == "all" else _ago(now - max(one[2] for one in own))
        rows.append([name, len(own), sum(one[3] for one in own), f"{size / 1e6:.1f}", used])
    total = f"{size / 1e9:.2f} of {cache.max_gb:g} GB (runtime.clip_cache_gb)"
    found = table(["stage", "clips", "failed", "MB", "last used"], rows, (0, 4))
    parts: list[Part] = [found, "", f"{cache.root}: {total}; used longest ago goes first"]
    if left := cache.abandoned():
        parts.append(f"{len(left)} half-written files of killed runs; `python -m pipeline cache prune` deletes them")
    return text_of(parts)


def prune(
    gb: Annotated[float | None, Option(help="What may stay, GB; runtime.clip_cache_gb if not given.")] = None,
    stage: Annotated[str, Option(help="Delete all entries of one stage instead, such as extract:lld147.")] = "",
    params: Params = PARAMS,
) -> str:
    """Delete what was used longest ago, and in any case what cannot be read."""
    cache = _cache(params)
    before, gone = cache.size(), 0
    for path in list(cache.entries()):
        head = cache.peek(path)
        if head is None or (stage and head.stage == stage):
            path.unlink(missing_ok=True)
            gone += 1
    cache.tidy()
    if not stage:
        gone += cache.prune() if gb is None else type(cache)(cache.root, gb).prune()
    after = cache.size()
    return f"{cache.root}: {gone} entries deleted, {(before - after) / 1e6:.1f} MB; {after / 1e9:.2f} GB left"


def _cache(params: Path) -> ClipCache:
    from pipeline.engine.clip_cache import ClipCache

    runtime = runtime_of(params)
    return ClipCache(Path(runtime.clip_cache), runtime.clip_cache_gb)


def _ago(seconds: float) -> str:
    if seconds < 3600:
        return "within the hour"
    return f"{seconds / 3600:.0f} hours ago" if seconds < 2 * _DAY_S else f"{seconds / _DAY_S:.0f} days ago"


WAYS = {"status": status, "prune": prune}
