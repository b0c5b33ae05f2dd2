"""Compare a corpus's folder with what was published.

Says how many clips, speakers and labels there are, and which are missing or extra; docs/corpora.md has the adapters.

examples:
  python -m pipeline corpus check demo
  python -m pipeline corpus check ravdess --root /data/RAVDESS      before it stands in params.yaml
"""

from __future__ import annotations

import argparse

from pipeline.cli.commands._shared import add_params


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    check = parser.add_subparsers(required=True, metavar="command").add_parser(
        "check", help="say what is missing or extra against the published counts"
    )
    check.add_argument(
        "name", metavar="NAME", help="corpus of params.yaml; with --root also an adapter, such as ravdess"
    )
    check.add_argument("--root", default="", help="its folder, where params.yaml does not say so")
    add_params(check)


def run(args: argparse.Namespace) -> tuple[str, bool]:
    """Return what was found, and whether it is complete."""
    from pipeline.cli.tools.corpus_check import check_corpus, settings_of
    from pipeline.core.settings import read_params, section

    return check_corpus(args.name, settings_of(args.name, section(read_params(args.params), "corpora"), args.root))
