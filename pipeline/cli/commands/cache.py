"""Look at the clip cache, or make room in it.

The cache keeps what each stage computed of each clip; what is deleted is computed again when a stage wants it.

examples:
  python -m pipeline cache status
  python -m pipeline cache prune --gb 5
  python -m pipeline cache prune --stage extract:lld147
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from pipeline.cli.commands._arguments import PARAMS, Params, runtime_of

if TYPE_CHECKING:
    from pipeline.engine.clip_cache import ClipCache


def status(params: Params = PARAMS) -> str:
    """Print entries and sizes by stage."""
    from pipeline.cli.tools.cache import status

    return status(_cache(params))


def prune(
    gb: Annotated[float | None, Option(help="What may stay, GB; runtime.clip_cache_gb if not given.")] = None,
    stage: Annotated[str, Option(help="Delete all entries of one stage instead, such as extract:lld147.")] = "",
    params: Params = PARAMS,
) -> str:
    """Delete what was used longest ago."""
    from pipeline.cli.tools.cache import prune

    return prune(_cache(params), gb, stage)


def _cache(params: Path) -> ClipCache:
    from pipeline.engine.clip_cache import ClipCache

    runtime = runtime_of(params)
    return ClipCache(Path(runtime.clip_cache), runtime.clip_cache_gb)


WAYS = {"status": status, "prune": prune}
