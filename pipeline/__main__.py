"""`python -m pipeline`: look at what the stages made, and get the weights that some of them need."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import PipelineError

if TYPE_CHECKING:
    from pipeline.core.clipcache import ClipCache
    from pipeline.core.settings import Runtime
    from pipeline.reporting.explain import Places


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m pipeline", description="See results, follow a clip, look after caches and weights.")
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
    _add_corpus(commands.add_parser("corpus", help="compare a corpus's folder with what was published"))
    _add_engine(commands)
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


def _add_engine(commands: Any) -> None:
    explain = commands.add_parser("explain", help="tell one clip's way: what was reused or computed and why, and what came out")
    explain.add_argument("corpus", metavar="CORPUS")
    explain.add_argument("clip", metavar="CLIP")
    explain.add_argument("stage", metavar="STAGE", nargs="?", default="", help="tell everything about this stage, such as lld147")
    explain.set_defaults(run=_explain)
    faces = commands.add_parser("faces", help="draw how the face was followed: one clip, or a page over all of them, worst coverage first")
    faces.add_argument("corpus", metavar="CORPUS")
    faces.add_argument("clip", metavar="CLIP", nargs="?", default="", help="a large sheet of this clip alone")
    faces.set_defaults(run=_faces)
    for command in (explain, faces):
        for name in ("features", "reports"):
            command.add_argument(f"--{name}", type=Path, default=Path(name), help=f"folder of all {name}")
    cache = commands.add_parser("cache", help="look at the clip cache, or make room in it")
    ways = cache.add_subparsers(required=True, metavar="command")
    status = ways.add_parser("status", help="print entries and sizes by stage")
    status.set_defaults(run=_cache_status)
    prune = ways.add_parser("prune", help="delete what was used longest ago")
    prune.add_argument("--gb", type=float, help="what may stay, GB; runtime.clip_cache_gb if not given")
    prune.add_argument("--stage", default="", help="delete all entries of one stage instead, such as extract:lld147")
    prune.set_defaults(run=_cache_prune)
    environment = commands.add_parser("environment", help="print the variables that workers of a Dask cluster need")
    environment.set_defaults(run=_environment)
    for command in (explain, faces, status, prune):
        command.add_argument("--params", type=Path, default=Path("params.yaml"), help="the settings")


def _add_corpus(corpus: argparse.ArgumentParser) -> None:
    check = corpus.add_subparsers(required=True, metavar="command").add_parser("check", help="say what is missing or extra against the published counts")
    check.add_argument("name", metavar="NAME", help="corpus of params.yaml; with --root also an adapter, such as ravdess")
    check.add_argument("--root", default="", help="its folder, where params.yaml does not say so")
    check.add_argument("--params", type=Path, default=Path("params.yaml"), help="the settings")
    check.set_defaults(run=_corpus_check)


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


def _explain(args: argparse.Namespace) -> str:
    from pipeline.reporting.explain import explain

    return explain(args.corpus, args.clip, _places(args), args.stage)


def _places(args: argparse.Namespace) -> Places:
    from pipeline.core.settings import read_params, section
    from pipeline.reporting.explain import Places

    root = section(read_params(args.params), f"corpora.{args.corpus}.root")
    return Places(Path(root), args.features / args.corpus, args.reports / args.corpus, Path(_runtime(args).clip_cache))


def _faces(args: argparse.Namespace) -> str:
    from pipeline.reporting.faces import everyone, one

    return one(args.clip, _places(args)) if args.clip else everyone(args.corpus, _places(args), _runtime(args).workers)


def _runtime(args: argparse.Namespace) -> Runtime:
    from pipeline.core.settings import Runtime, parse, read_params

    return parse(Runtime, read_params(args.params).get("runtime"), f"{args.params}: runtime")


def _cache(args: argparse.Namespace) -> ClipCache:
    from pipeline.core.clipcache import ClipCache

    runtime = _runtime(args)
    return ClipCache(Path(runtime.clip_cache), runtime.clip_cache_gb)


def _cache_status(args: argparse.Namespace) -> str:
    from pipeline.reporting.cache import status

    return status(_cache(args))


def _cache_prune(args: argparse.Namespace) -> str:
    from pipeline.reporting.cache import prune

    return prune(_cache(args), args.gb, args.stage)


def _environment(args: argparse.Namespace) -> str:  # noqa: ARG001
    from pipeline.core.code import ROOT
    from pipeline.core.numeric import HEAP, NUMERIC

    return " ".join(f"{name}={value}" for name, value in {**NUMERIC, **HEAP, "PYTHONPATH": str(ROOT)}.items())


def _check(args: argparse.Namespace) -> str:
    from pipeline.core.settings import read_params
    from pipeline.corpus_settings import check_corpora
    from pipeline.system_stages import check_systems

    params = read_params(args.params)
    return f"{check_corpora(params)}; {check_systems(params, args.params.with_name('dvc.yaml'))}"


def _corpus_check(args: argparse.Namespace) -> tuple[str, bool]:
    from pipeline.core.settings import read_params, section
    from pipeline.reporting.corpus_check import check_corpus, settings_of

    return check_corpus(args.name, settings_of(args.name, section(read_params(args.params), "corpora"), args.root))


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
