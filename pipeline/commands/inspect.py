"""Print what is inside a feature file."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE.h5")
    parser.add_argument("--clip", help="show this clip, column by column")


def run(args: argparse.Namespace) -> str:
    """Return a table of the file, or of one clip in it."""
    from pipeline.reporting.inspect import describe, describe_clip

    return describe_clip(args.file, args.clip) if args.clip else describe(args.file)
