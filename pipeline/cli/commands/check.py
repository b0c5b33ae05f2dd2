"""Check the corpora and systems that params.yaml names.

`make repro` does this first: a folder that is not there, a setting that does not exist, a feature that no stage gives.
It renews plan.yaml, the list of the models that the stages train, where the systems have changed.

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
    from pipeline.core.settings import read_params
    from pipeline.manifest.settings import check_corpora
    from pipeline.systems.check import check_systems
    from pipeline.systems.plan import FILE, write_plan

    params = read_params(args.params)
    words = f"{check_corpora(params)}; {check_systems(params)}"
    return f"{words}; {FILE} is renewed" if write_plan(params, args.params.with_name(FILE)) else words
