"""Draw how the face was followed: one clip, or a page over all of them, worst coverage first.

examples:
  python -m pipeline faces demo                           a page over all clips, below reports/demo
  python -m pipeline faces demo s01_anger_1               a larger sheet of one clip
"""

from __future__ import annotations

import argparse

from pipeline.cli.commands._shared import add_places, places_of, runtime_of


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("corpus", metavar="CORPUS")
    parser.add_argument("clip", metavar="CLIP", nargs="?", default="", help="a large sheet of this clip alone")
    add_places(parser)


def run(args: argparse.Namespace) -> str:
    """Draw, and return where."""
    from pipeline.cli.tools.faces import everyone, one

    return (
        one(args.clip, places_of(args))
        if args.clip
        else everyone(args.corpus, places_of(args), runtime_of(args).workers)
    )
