"""Which settings and which code made the scores of a report: those of every stage that it rests on, as dvc.lock has
them while the report is made. They are kept in `setup.json` beside the scores, since params.yaml and the working tree
go on to other values.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOCK, CODE = Path("dvc.lock"), Path("code.json")
NOTHING: Mapping[str, Any] = {"settings": {}, "code": {}, "mixed": [], "unknown": []}
"""The record of a report that no stage has made."""
_QUIET_S, _PAUSE_S, _LONGEST_S = 2.0, 0.15, 10.0


class _Loader(yaml.CSafeLoader):
    """Reads `2e-05`, which DVC writes, as the number that it is; PyYAML takes it for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), [*"-+0123456789"]
)


@dataclass(frozen=True)
class Locked:
    """One stage instance as dvc.lock has it."""

    deps: Mapping[str, str]  # path -> hash
    outs: Mapping[str, str]
    settings: Mapping[str, Any]  # block of params.yaml -> its value
    code: Mapping[str, Any]  # key of code.json -> its digest, or those of a kind of plugin by name


def read_lock(file: Path = LOCK) -> list[Locked]:
    """Return the stage instances of a dvc.lock; none where there is no such file, or it is not DVC's."""
    try:
        _wait_until_written(file)
        found = _Loader(file.read_text(encoding="utf-8")).get_single_data()
        return [_locked(stage) for stage in found["stages"].values()]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return []  # what is unknown then is told on the page


def _wait_until_written(file: Path) -> None:
    """Wait while another process of DVC, which may run stages beside this one, writes the file in place."""
    before, until = b"", time.monotonic() + _LONGEST_S
    while time.time() - file.stat().st_mtime < _QUIET_S and time.monotonic() < until:
        now = file.read_bytes()
        if now and now == before:
            return
        before = now
        time.sleep(_PAUSE_S)


def _locked(stage: Mapping[str, Any]) -> Locked:
    deps, outs = (
        {each["path"]: str(each.get(each.get("hash", "md5"), "")) for each in stage.get(key, ())}
        for key in ("deps", "outs")
    )
    params = stage.get("params", {})
    return Locked(deps, outs, params.get("params.yaml", {}), params.get("code.json", {}))


def maker(lock: Sequence[Locked], path: str) -> Locked | None:
    """Return the stage instance that has written a path, or a folder that it lies in."""
    wanted = {path, *(parent.as_posix() for parent in Path(path).parents)}
    return next((stage for stage in lock if wanted & stage.outs.keys()), None)


def behind(lock: Sequence[Locked], paths: Iterable[str]) -> list[Locked]:
    """Return the stage instances that made these paths, and those that made what these were made of, each once.

    A folder with outputs of several stages leads to none of them: a model that the settings no longer name may lie
    beside the others, and nothing rests on it.
    """
    found, todo = dict[int, Locked](), list(paths)
    while todo:
        stage = maker(lock, todo.pop())
        if stage is not None and id(stage) not in found:
            found[id(stage)] = stage
            todo += stage.deps
    return list(found.values())


def run_record(paths: Sequence[Path], own: Mapping[str, Any], lock: Path = LOCK, code: Path = CODE) -> dict[str, Any]:
    """Return what made a report.

    Args:
        paths: models, fusion and whatever else the report is made from
        own: blocks of params.yaml that the report reads itself

    Returns:
        settings: block of params.yaml -> its value; where a corpus lies is none
        code: key of code.json -> digest
        mixed: blocks and keys that several stages have with different values
        unknown: `paths` that no stage of dvc.lock has written
    """
    stages, names = read_lock(lock), [path.as_posix() for path in paths]
    above = behind(stages, names)
    settings, torn = _together([own, *(stage.settings for stage in above)])
    digests, changed = _together([_own_code(code), *(stage.code for stage in above)])
    unknown = [name for name in names if maker(stages, name) is None]
    return {"settings": settings, "code": digests, "mixed": sorted({*torn, *changed}), "unknown": unknown}


def _together(parts: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], set[str]]:
    found, torn = dict[str, Any](), set[str]()
    for name, value in ((name, placeless(name, value)) for part in parts for name, value in part.items()):
        if found.setdefault(name, value) != value:
            torn.add(name)
    return dict(sorted(found.items())), torn


def placeless(block: str, value: Any) -> Any:
    """Return a block without the folder of a corpus, which differs from machine to machine and changes no result."""
    if block.startswith("corpora.") and isinstance(value, Mapping):
        return {key: each for key, each in value.items() if key != "root"}
    return value


def _own_code(file: Path) -> dict[str, str]:
    try:
        return {"stages.report": json.loads(file.read_text(encoding="utf-8"))["stages"]["report"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # the stage was run by hand, and no digest was made
