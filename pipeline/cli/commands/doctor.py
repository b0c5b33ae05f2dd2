"""Check that all is here that the pipeline needs: packages, FFmpeg, openSMILE, dlib, GPU, disk, weights, corpora.

One line per check: `ok`, `note` for what is worth knowing, `wrong` with the remedy. The exit code is 1 if anything is
wrong. It runs where packages are missing or broken, takes some seconds, and changes nothing.

examples:
  python -m pipeline doctor
  python -m pipeline doctor --quick      without trying out FFmpeg, openSMILE, dlib and torch
  NO_COLOR=1 python -m pipeline doctor > doctor.txt
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Option

from pipeline.cli.commands._arguments import PARAMS, Params


def run(
    params: Params = PARAMS,
    lock: Annotated[Path, Option(metavar="FILE", help="The packages that there should be.")] = Path(
        "requirements.lock"
    ),
    quick: Annotated[bool, Option("--quick", help="Leave out what has to be tried out.")] = False,
) -> tuple[str, bool]:
    from pipeline.cli.doctor.checks import report

    return report(params, lock, quick)
