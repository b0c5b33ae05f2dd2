"""Check that all is here that the pipeline needs: packages, FFmpeg, openSMILE, dlib, GPU, disk, weights, corpora.

One line per check: `ok`, `note` for what is worth knowing, `wrong` with the remedy. The exit code is 1 if anything is
    wrong.
It runs where packages are missing or broken, takes some seconds, and changes nothing.

examples:
  python -m pipeline doctor
  python -m pipeline doctor --quick      without trying out FFmpeg, openSMILE, dlib and torch
  NO_COLOR=1 python -m pipeline doctor > doctor.txt
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="the settings")
    parser.add_argument(
        "--lock", type=Path, default=Path("requirements.lock"), help="the packages that there should be"
    )
    parser.add_argument("--quick", action="store_true", help="leave out what has to be tried out")


def run(args: argparse.Namespace) -> tuple[str, bool]:
    """Return a line per check, and whether nothing is wrong."""
    from pipeline.cli.doctor.page import examine, page

    findings = examine(args.params, args.lock, args.quick)
    return page(findings, sys.stdout), not any(one.state == "wrong" for one in findings)
