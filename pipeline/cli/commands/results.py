"""Print all result tables and write reports/index.html, the page over all of them.

The page holds every system on every corpus: figures, the papers' tables, what went wrong, settings and software. Faces,
spectra and curves come from the folders of features and models; what is not there is left out, and the page says so.

examples:
  python -m pipeline results
  python -m pipeline results --reports reports | less
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.commands._shared import add_params, runtime_of


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    for name in ("reports", "features", "models"):
        parser.add_argument(f"--{name}", type=Path, default=Path(name), help=f"folder of all {name}")
    add_params(parser)


def run(args: argparse.Namespace) -> str:
    """Return the tables; write `index.html`."""
    from pipeline.reporting.overview.places import Places
    from pipeline.reporting.overview.text import overview
    from pipeline.runner.runlog import FOLDER

    return overview(
        Places(args.reports, args.features, args.models, args.params, Path(runtime_of(args).clip_cache), FOLDER)
    )
