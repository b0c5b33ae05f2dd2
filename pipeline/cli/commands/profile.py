"""List, show and use profiles: sets of settings that are laid over params.yaml.

`use` changes only the lines of the settings that a profile names; `use default` takes the profile off again.

examples:
  python -m pipeline profile list
  python -m pipeline profile show quick
  python -m pipeline profile use quick --dry     print the difference, write nothing
  python -m pipeline profile use default
"""

from __future__ import annotations

import argparse

from pipeline.cli.commands._shared import add_params


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    ways = parser.add_subparsers(required=True, metavar="command")
    for name, do, words in (
        ("list", _list, "print the profiles, and which is in use"),
        ("show", _show, "print what a profile would change"),
        ("use", _use, "lay a profile over params.yaml; default = none"),
    ):
        way = ways.add_parser(name, help=words)
        if name != "list":
            way.add_argument("name", metavar="NAME", help="file in profiles/, without .yaml")
        if name == "use":
            way.add_argument("--dry", action="store_true", help="print the difference and write nothing")
        add_params(way)
        way.set_defaults(do=do)


def run(args: argparse.Namespace) -> str:
    """Return what was found or done."""
    return args.do(args)


def _list(args: argparse.Namespace) -> str:
    from pipeline.cli.tools.profile import listed

    return listed(args.params)


def _show(args: argparse.Namespace) -> str:
    from pipeline.cli.tools.profile import shown

    return shown(args.params, args.name)


def _use(args: argparse.Namespace) -> str:
    from pipeline.cli.tools.profile import used

    return used(args.params, args.name, args.dry)
