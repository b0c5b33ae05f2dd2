"""Check the corpora and systems that params.yaml names.

`make repro` does this first: a folder that is not there, a setting that does not exist, a system that no stage trains.

examples:
  python -m pipeline check
  python -m pipeline check --params params.yaml
"""

from __future__ import annotations

import argparse

from pipeline.cli.commands._shared import add_params


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_params(parser)


def run(args: argparse.Namespace) -> str:
    """Return one line that says what was checked."""
    from pipeline.cli.doctor.stages import check_systems
    from pipeline.core.settings import read_params
    from pipeline.manifest.settings import check_corpora

    params = read_params(args.params)
    return f"{check_corpora(params)}; {check_systems(params, args.params.with_name('dvc.yaml'))}"
