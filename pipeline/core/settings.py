"""Typed settings: every section of params.yaml has a frozen model, and all mistakes are told at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.names import check_names
from pipeline.core.yaml_text import parsed

Model = TypeVar("Model", bound=BaseModel)


class Settings(BaseModel):
    """Base of all settings: frozen, and a name that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Runtime(Settings):
    """`runtime`: what may change without any artifact changing a byte; no stage depends on it."""

    workers: int = Field(0, ge=0, description="processes for clips and folds; 0 = one per core")
    backend: Literal["local", "dask"] = Field(
        "local", description="who computes clips: processes here, or the workers of a Dask cluster"
    )
    scheduler: str = Field(
        "", pattern=r"^(|(tcp|tls|ucx)://.+:\d+)$", description="address of the Dask scheduler, tcp://host:port"
    )
    clip_cache: str = Field(".cache/clips", min_length=1, description="folder of the clip cache")
    clip_cache_gb: float = Field(20.0, gt=0, description="what the clip cache may hold, GB; oldest used go first")
    weights_cache: str = Field(
        "~/.cache/avemotion/weights", min_length=1, description="folder of downloaded weights, shared by projects"
    )
    device: Literal["cpu", "cuda", "auto"] = Field(
        "cpu",
        description="where networks run; cuda changes the last bits of what they give; auto = cuda if it is there",
    )
    mixed_precision: bool = Field(False, description="bfloat16 where a network is applied; faster on a GPU, coarser")
    checkpoint_minutes: float = Field(
        5.0,
        ge=0,
        description="least time between two writings of a training's state, minutes, which is what a killed run may "
        "lose; 0 = after every epoch or look at validation; the state at the end is written in any case",
    )
    max_failed_fraction: float = Field(0.2, ge=0, le=1, description="a stage stops when more of its clips fail")

    def here(self) -> Runtime:
        """Return it for this machine, with `auto` resolved."""
        if self.device != "auto":
            return self
        import torch  # only where it is asked for: it takes seconds

        return self.model_copy(update={"device": "cuda" if torch.cuda.is_available() else "cpu"})


def parse(model: type[Model], data: Any, place: str) -> Model:
    """Turn a section of params.yaml, as YAML gave it, into its model; None counts as empty.

    `SettingsError` names all mistakes on one line, each with its value and its key below `place`.

    >>> parse(Runtime, {"workers": 2}, "params.yaml: runtime").workers
    2
    >>> parse(Runtime, {"workers": -1, "devise": "cpu"}, "params.yaml: runtime")
    Traceback (most recent call last):
    pipeline.core.errors.SettingsError: params.yaml: runtime.workers: Input should be greater than or equal to 0 (got
    -1); params.yaml: runtime.devise: no such setting (did you mean 'device'?)
    """
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        raise SettingsError(f"{place}: expected a block of settings (got {data!r})")
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        raise SettingsError("; ".join(_line(model, problem, place) for problem in error.errors())) from None


def _line(model: type[BaseModel], problem: Any, place: str) -> str:
    # a part that begins with = says which of several types was meant
    key = ".".join([place, *(str(part) for part in problem["loc"] if not str(part).startswith("="))])
    if problem["type"] == "extra_forbidden":
        return f"{key}: no such setting{did_you_mean(str(problem['loc'][-1]), _fields(model, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return f"{key}: this setting is missing"
    if problem["type"] == "string_type" and (kind := read_as(problem["input"])):
        return f"{key.removesuffix('.[key]')}: YAML reads it as {kind}; quote it, as it is written where it is from"
    return f"{key}: {problem['msg']} (got {problem['input']!r})"


def read_as(value: Any) -> str:
    """Return what YAML made of a word without quotes, "" where it is still one, or never was.

    >>> [read_as(parsed(text)) for text in ("007", "no", "1.0", "~", "2024-01-31", "anna", "'007'")]
    ['the number 7', 'the truth value False', 'the number 1.0', 'nothing', 'the date 2024-01-31', '', '']
    """
    if value is None:
        return "nothing"
    kinds = {bool: "the truth value", int: "the number", float: "the number", date: "the date", datetime: "the date"}
    kind = kinds.get(type(value))
    return f"{kind} {value}" if kind else ""


def _fields(model: Any, path: tuple[Any, ...]) -> list[str]:
    for part in path:
        if hasattr(model, "model_fields"):
            field = model.model_fields.get(part)
            model = field.annotation if field else None
        else:
            model = (get_args(model) or (None,))[-1]  # dict[str, Model] and the like: `part` is a key
        if get_origin(model) in (Union, UnionType):
            model = next((a for a in get_args(model) if hasattr(a, "model_fields")), model)
    return list(getattr(model, "model_fields", {}))


def read_params(path: Path) -> dict[str, Any]:
    """Read params.yaml or another file of DVC; SettingsError also for a name that must be no word of a command."""
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; run from the project's root folder")
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise SettingsError(f"{path}: expected sections named after the stages")
    check_names(data, str(path))
    return data


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; SettingsError where it is none, or stands for more than any settings do."""
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error


def section(params: Mapping[str, Any], key: str, file: str = "params.yaml") -> Any:
    """Return the block under a dotted key; where there is none, `SettingsError` suggests the nearest name on the level.

    >>> section({"select": {"v1024": {"k": 1024}}}, "select.v1024.k")
    1024
    """
    node: Any = params
    parts = key.split(".")
    for depth, part in enumerate(parts):
        known = node if isinstance(node, Mapping) else {}
        if part not in known:
            level = ".".join(parts[:depth]) or "the top level"
            raise SettingsError(f"{file}: {key}: no '{part}' under {level}{did_you_mean(part, map(str, known))}")
        node = known[part]
    return node
