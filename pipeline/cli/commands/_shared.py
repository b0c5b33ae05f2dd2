"""Arguments and settings that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cli.tools.explain import Places
    from pipeline.core.settings import Runtime


def add_params(parser: argparse.ArgumentParser) -> None:
    """Add `--params`."""
    parser.add_argument("--params", type=Path, default=Path("params.yaml"), help="the settings")


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add `--features`, `--reports` and `--params`."""
    for name in ("features", "reports"):
        parser.add_argument(f"--{name}", type=Path, default=Path(name), help=f"folder of all {name}")
    add_params(parser)


def runtime_of(args: argparse.Namespace) -> Runtime:
    """Return the `runtime` section of `args.params`."""
    from pipeline.core.settings import Runtime, parse, read_params

    return parse(Runtime, read_params(args.params).get("runtime"), f"{args.params}: runtime")


def places_of(args: argparse.Namespace) -> Places:
    """Return where the artifacts of `args.corpus` lie."""
    from pipeline.cli.tools.explain import Places
    from pipeline.core.settings import read_params, section

    root = section(read_params(args.params), f"corpora.{args.corpus}.root")
    return Places(
        Path(root), args.features / args.corpus, args.reports / args.corpus, Path(runtime_of(args).clip_cache)
    )
