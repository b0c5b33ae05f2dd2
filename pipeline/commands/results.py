"""Print all result tables and write the overview page."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--reports", type=Path, default=Path("reports"), help="folder of the reports")


def run(args: argparse.Namespace) -> str:
    """Return the tables; write `index.html`."""
    from pipeline.reporting.overview import overview

    return overview(args.reports)
