"""Tell one clip's way: what was reused or computed and why, and what came out.

examples:
  python -m pipeline explain demo s01_anger_1             all stages, and the predictions
  python -m pipeline explain demo s01_anger_1 lld147      everything that one stage's key is made of
"""

from __future__ import annotations

import argparse

from pipeline.cli.commands._shared import add_places, places_of


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("corpus", metavar="CORPUS")
    parser.add_argument("clip", metavar="CLIP")
    parser.add_argument(
        "stage", metavar="STAGE", nargs="?", default="", help="tell everything about this stage, such as lld147"
    )
    add_places(parser)


def run(args: argparse.Namespace) -> str:
    """Return the walk."""
    from pipeline.cli.tools.explain import explain

    return explain(args.corpus, args.clip, places_of(args), args.stage)
