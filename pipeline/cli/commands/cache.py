"""Look at the clip cache, or make room in it.

The cache keeps what each stage computed of each clip; what is deleted is computed again when a stage wants it.

examples:
  python -m pipeline cache status
  python -m pipeline cache prune --gb 5
  python -m pipeline cache prune --stage extract:lld147
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.cli.commands._shared import add_params, runtime_of

if TYPE_CHECKING:
    from pipeline.engine.clip_cache import ClipCache


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    ways = parser.add_subparsers(required=True, metavar="command", dest="way")
    status = ways.add_parser("status", help="print entries and sizes by stage")
    prune = ways.add_parser("prune", help="delete what was used longest ago")
    prune.add_argument("--gb", type=float, help="what may stay, GB; runtime.clip_cache_gb if not given")
    prune.add_argument("--stage", default="", help="delete all entries of one stage instead, such as extract:lld147")
    add_params(status)
    add_params(prune)


def run(args: argparse.Namespace) -> str:
    """Return a table, or what was deleted."""
    from pipeline.cli.tools.cache import prune, status

    return status(_cache(args)) if args.way == "status" else prune(_cache(args), args.gb, args.stage)


def _cache(args: argparse.Namespace) -> ClipCache:
    from pipeline.engine.clip_cache import ClipCache

    runtime = runtime_of(args)
    return ClipCache(Path(runtime.clip_cache), runtime.clip_cache_gb)
