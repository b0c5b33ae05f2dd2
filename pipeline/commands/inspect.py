"""Print what is inside a feature file."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--clip", default="")
    parser.add_argument("--fold", default="")


def run(args: argparse.Namespace) -> str:
    """Return a table of the file, or of one clip in it."""
    from pipeline.inspecting.artifact import describe

    return describe(args.file, args.clip, args.fold)
