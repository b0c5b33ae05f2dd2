"""List, fetch, import and verify the weights of networks.

weights.lock has every network: where its weights come from, its SHA-256, its licence.

examples:
  python -m pipeline weights list
  python -m pipeline weights fetch mtcnn_pnet
  python -m pipeline weights import vgg_face vgg_face_dag.pth      a file that you have got yourself
  python -m pipeline weights verify
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli.commands._shared import add_params


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    ways = parser.add_subparsers(required=True, metavar="command")
    for name, do, words in (
        ("list", _list, "print which weights there are and where each is"),
        ("fetch", _fetch, "download published weights into the cache"),
        ("import", _import, "take a file that you have got yourself into the cache"),
        ("verify", _verify, "hash all weights that are used or cached"),
    ):
        way = ways.add_parser(name, help=words)
        if name in ("fetch", "import"):
            way.add_argument("name", metavar="NAME", help="entry of weights.lock")
        if name == "import":
            way.add_argument("file", type=Path, metavar="FILE")
        way.add_argument("--lock", type=Path, default=Path("weights.lock"), help="the registry")
        add_params(way)
        if name in ("list", "verify"):
            models = Path("models") / "pretrained"
            way.add_argument("--models", type=Path, default=models, help="folder of the features' weights")
        way.set_defaults(do=do)


def run(args: argparse.Namespace) -> str | tuple[str, bool]:
    """Return what was found or done."""
    return args.do(args)


def _list(args: argparse.Namespace) -> str:
    from pipeline.cli.tools.weights import cache_folder, list_weights
    from pipeline.weights.lock import read_lock

    return list_weights(read_lock(args.lock), cache_folder(args.params), args.models)


def _fetch(args: argparse.Namespace) -> str:
    from pipeline.cli.tools.weights import cache_folder, fetch_weights
    from pipeline.weights.lock import read_lock

    return fetch_weights(read_lock(args.lock), args.name, cache_folder(args.params))


def _import(args: argparse.Namespace) -> str:
    from pipeline.cli.tools.weights import cache_folder, import_weights
    from pipeline.weights.lock import read_lock

    return import_weights(read_lock(args.lock), args.name, args.file.expanduser(), cache_folder(args.params))


def _verify(args: argparse.Namespace) -> tuple[str, bool]:
    from pipeline.cli.tools.weights import verify_weights

    return verify_weights(args.params, args.lock, args.models)
