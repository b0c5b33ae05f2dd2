"""`python -m pipeline`: look at what the stages made."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.core.errors import PipelineError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="Look at what the stages made.")
    commands = parser.add_subparsers(required=True, metavar="command")
    inspect = commands.add_parser("inspect", help="print what is inside a feature file")
    inspect.add_argument("file", type=Path, metavar="FILE.h5")
    inspect.add_argument("--clip", help="show this clip, column by column")
    inspect.set_defaults(run=_inspect)
    results = commands.add_parser("results", help="print all result tables and write the overview page")
    results.add_argument("--reports", type=Path, default=Path("reports"), help="folder of the reports")
    results.set_defaults(run=_results)
    check = commands.add_parser("check", help="check the corpora that params.yaml names")
    check.add_argument("--params", type=Path, default=Path("params.yaml"), help="the settings")
    check.set_defaults(run=_check)
    args = parser.parse_args(argv)
    try:
        print(args.run(args))
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _inspect(args: argparse.Namespace) -> str:
    from pipeline.reporting.inspect import describe, describe_clip

    return describe_clip(args.file, args.clip) if args.clip else describe(args.file)


def _check(args: argparse.Namespace) -> str:
    from pipeline.core.settings import read_params
    from pipeline.corpus import check_corpora

    return check_corpora(read_params(args.params))


def _results(args: argparse.Namespace) -> str:
    from pipeline.reporting.overview import overview

    return overview(args.reports)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # `inspect ... | head`
        sys.stderr.close()
