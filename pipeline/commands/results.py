"""Print all result tables and write the overview page.

The page is reports/index.html; for each system, reports/<corpus>/<system>/index.html has tables, intervals and figures.

examples:
  python -m pipeline results
  python -m pipeline results --reports reports | less
"""

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
