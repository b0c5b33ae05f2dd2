"""Print all result tables and write reports/index.html, the page over all of them.

For each system, reports/<corpus>/<system>/index.html has tables, intervals and figures.

examples:
  python -m pipeline results
  python -m pipeline results --reports reports | less
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.commands._shared import add_params, runtime_of


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    for name in ("reports", "features", "models"):
        parser.add_argument(f"--{name}", type=Path, default=Path(name), help=f"folder of all {name}")
    add_params(parser)


def run(args: argparse.Namespace) -> str:
    """Return the tables; write `index.html`."""
    from pipeline.overview.places import Places
    from pipeline.overview.text import overview

    cache = Path(runtime_of(args).clip_cache)
    return overview(Places(args.reports, args.features, args.models, args.params, cache, cache.parent / "logs"))
