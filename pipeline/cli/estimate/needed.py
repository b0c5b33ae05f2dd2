"""Which stages a system on a corpus needs, from dvc.yaml itself, and what of their inputs is not here."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.errors import SettingsError
from pipeline.core.settings import Runtime, parse, section
from pipeline.weights.lock import read_lock


@dataclass(frozen=True)
class Needed:
    """One stage: its address, the name of its module in `stages`, its arguments, and the paths that it takes and
    makes.
    """

    address: str
    module: str
    arguments: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def needed(corpus: str, system: str) -> list[Needed]:
    """Return the stages behind a report, those first that others rest on; SettingsError where DVC knows none."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    target = f"report@{corpus}-{system}"
    try:
        with Repo() as repo:
            order = list(repo.stage.collect(target, with_deps=True))
    except DvcException as error:
        raise SettingsError(f"{target}: {' '.join(str(error).split())}; see dvc.yaml and params.yaml") from error
    return [_read(stage) for stage in order]


def _read(stage: Any) -> Needed:
    words = shlex.split(stage.cmd)
    names = {word.removeprefix("--"): value for word, value in zip(words[3::2], words[4::2], strict=False)}
    inputs, outputs = (tuple(str(one) for one in some) for some in (stage.deps, stage.outs))
    return Needed(stage.addressing, words[2].removeprefix("stages."), names, inputs, outputs)


def absent(stages: Iterable[Needed], params: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the stages lack, each with the command that brings it."""
    stages = list(stages)
    made = {path for stage in stages for path in stage.outputs}
    for path in sorted({path for stage in stages for path in stage.inputs} - made):
        related = (Path(path).is_relative_to(out) or Path(out).is_relative_to(path) for out in made)
        if not Path(path).exists() and not any(related):
            yield _linked(path)
    for stage in stages:
        if stage.module == "fetch_weights" and not Path(stage.outputs[0]).exists():
            yield from _weights(stage.arguments["feature"], params, fetched=True)


def to_bring(params: Mapping[str, Any]) -> Iterator[str]:
    """Yield which folders and files params.yaml names that no stage makes and no command fetches by itself."""
    generated = tuple(f"data/{name}" for name in params.get("generate") or {})
    blocks = [*(params.get("corpora") or {}).values(), *(params.get("pretrain") or {}).values()]
    tables = [block.get("tables") for block in (params.get("extract_table") or {}).values()]
    paths = {str(block["root"]) for block in blocks if isinstance(block, Mapping) and "root" in block}
    for path in sorted(paths | {str(path) for table in tables for path in (table or {}).values()}):
        if not Path(path).exists() and not path.startswith((*generated, "data/degraded/")):
            yield _linked(path)
    for feature in params.get("fetch_weights") or {}:
        if not Path("models", "pretrained", feature).exists():
            yield from _weights(feature, params, fetched=False)


def _linked(path: str) -> str:
    return f"{path} is not here: ln -s /your/copy {path}"


def _weights(feature: str, params: Mapping[str, Any], fetched: bool) -> Iterator[str]:
    lock = read_lock(Path("weights.lock"))
    cache = Path(parse(Runtime, params.get("runtime"), "params.yaml: runtime").weights_cache).expanduser()
    for entry in map(lock.entry, section(params, f"fetch_weights.{feature}.weights")):
        if (cache / entry.name / entry.file_name).is_file():
            continue
        if entry.kind == "file":
            yield f"{entry.file_name} ({entry.network}) cannot be downloaded: get it yourself, then {entry.by_hand}"
        elif fetched:
            yield f"{entry.file_name} ({entry.network}) is not here yet: python -m pipeline weights fetch {entry.name}"
