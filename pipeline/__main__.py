"""`python -m pipeline`: look at what the stages made, and get the weights that some of them need."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.core.errors import PipelineError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="See results, get weights.")
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
    _add_weights(commands.add_parser("weights", help="list, fetch, import and verify the weights of networks"))
    args = parser.parse_args(argv)
    try:
        outcome = args.run(args)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text, ok = outcome if isinstance(outcome, tuple) else (outcome, True)
    print(text)
    return 0 if ok else 1


def _add_weights(weights: argparse.ArgumentParser) -> None:
    commands = weights.add_subparsers(required=True, metavar="command")
    for name, run, words in (
        ("list", _weights_list, "print which weights there are and where each is"),
        ("fetch", _weights_fetch, "download published weights into the cache"),
        ("import", _weights_import, "take a file that you have got yourself into the cache"),
        ("verify", _weights_verify, "hash all weights that are used or cached"),
    ):
        command = commands.add_parser(name, help=words)
        if name in ("fetch", "import"):
            command.add_argument("name", metavar="NAME", help="entry of weights.lock")
        if name == "import":
            command.add_argument("file", type=Path, metavar="FILE")
        command.add_argument("--lock", type=Path, default=Path("weights.lock"), help="the registry")
        command.add_argument("--params", type=Path, default=Path("params.yaml"), help="the settings")
        if name in ("list", "verify"):
            models = Path("models") / "pretrained"
            command.add_argument("--models", type=Path, default=models, help="folder of the features' weights")
        command.set_defaults(run=run)


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


def _weights_list(args: argparse.Namespace) -> str:
    from pipeline.weights.command import cache_folder, list_weights
    from pipeline.weights.lock import read_lock

    return list_weights(read_lock(args.lock), cache_folder(args.params), args.models)


def _weights_fetch(args: argparse.Namespace) -> str:
    from pipeline.weights.command import cache_folder, fetch_weights
    from pipeline.weights.lock import read_lock

    return fetch_weights(read_lock(args.lock), args.name, cache_folder(args.params))


def _weights_import(args: argparse.Namespace) -> str:
    from pipeline.weights.command import cache_folder, import_weights
    from pipeline.weights.lock import read_lock

    return import_weights(read_lock(args.lock), args.name, args.file.expanduser(), cache_folder(args.params))


def _weights_verify(args: argparse.Namespace) -> tuple[str, bool]:
    from pipeline.weights.command import verify_weights

    return verify_weights(args.params, args.lock, args.models)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # `inspect ... | head`
        sys.stderr.close()
