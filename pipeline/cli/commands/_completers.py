"""What the shell offers beside commands and options: corpora of params.yaml, clips, stages, weights."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

FEATURES = Path("features")


def attach(found: argparse.ArgumentParser) -> None:
    """Give the arguments of all commands their completers; what has none here is completed as a file name."""
    for action in found._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                attach(below)
        elif (completer := _completer(found.prog, action)) is not None:
            action.completer = completer  # type: ignore[attr-defined]


def _completer(prog: str, action: argparse.Action) -> Callable[..., Iterable[str]] | None:
    if action.dest == "name":
        return _weights if " weights " in prog else _profiles if " profile " in prog else _corpora
    return {"corpus": _corpora, "clip": _clips, "stage": _stages}.get(action.dest)


def _corpora(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    return list(_yaml(Path(getattr(parsed_args, "params", None) or "params.yaml")).get("corpora") or ())


def _profiles(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    folder = Path(getattr(parsed_args, "params", None) or "params.yaml").parent / "profiles"
    return sorted(["default", *(path.stem for path in folder.glob("[!.]*.yaml"))])


def _weights(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    return list(_yaml(Path(getattr(parsed_args, "lock", None) or "weights.lock")))


def _clips(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    file = getattr(parsed_args, "file", None)
    folder = Path(file).parent if file else _folder(parsed_args)
    with suppress(OSError, KeyError), (folder / "manifest.csv").open(encoding="utf-8", newline="") as table:
        return [row["clip_id"] for row in csv.DictReader(table)]
    return []


def _stages(parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
    return sorted(path.stem for path in _folder(parsed_args).glob("*.h5"))


def _folder(parsed_args: argparse.Namespace) -> Path:
    features = Path(getattr(parsed_args, "features", None) or FEATURES)
    return features / str(getattr(parsed_args, "corpus", None) or "")


def _yaml(path: Path) -> dict[str, Any]:
    import yaml

    with suppress(OSError, yaml.YAMLError, UnicodeDecodeError):
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    return {}
