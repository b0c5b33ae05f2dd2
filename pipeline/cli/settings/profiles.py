"""Profiles laid over params.yaml, and taken off again.

What params.yaml was before a profile stands in `profiles/.in_use.json`, so that `use default` gives it back to the
byte; what somebody has changed since then stays.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.cli.settings.overlay import DEFAULT, check_with, folder, laid_over, load
from pipeline.cli.settings.tree import MISSING, differences, value_at
from pipeline.cli.settings.yaml_edit import edited
from pipeline.core.errors import SettingsError
from pipeline.core.files import atomic_path, write_json
from pipeline.core.settings import read_params

_STATE = ".in_use.json"


@dataclass(frozen=True)
class Plan:
    """What `use` would write.

    Attributes:
        params: params.yaml
        text: what it holds
        new: what it would hold
        state: what is remembered for the way back; None = no profile is in use then
        kept: settings of the profile in use so far that were changed since, and stay
    """

    params: Path
    text: str
    new: str
    state: Mapping[str, str] | None
    kept: tuple[str, ...]

    def difference(self) -> str:
        """Return the change as a unified diff; empty if there is none."""
        name = self.params.name
        lines = difflib.unified_diff(
            self.text.splitlines(keepends=True), self.new.splitlines(keepends=True), f"{name} (now)", f"{name} (then)"
        )
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Write params.yaml, whole or not at all, and how to go back."""
        state = folder(self.params) / _STATE
        if self.state is not None:
            write_json(state, self.state)
        if self.new != self.text:
            with atomic_path(self.params) as temporary:
                temporary.write_bytes(self.new.encode())
        if self.state is None:
            state.unlink(missing_ok=True)


def in_use(params: Path) -> str:
    """Return the name of the profile that was laid over params.yaml last."""
    return _state(params).get("profile", DEFAULT)


def _state(params: Path) -> dict[str, str]:
    path = folder(params) / _STATE
    if not path.is_file():
        return {}
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(state[key]) for key in ("profile", "before", "after")}
    except (ValueError, LookupError, TypeError) as error:
        raise SettingsError(f"{path}: damaged; remove it, and put {params.name} back by hand") from error


def plan(params: Path, name: str) -> Plan:
    """Return what `use` would write; the result is checked as a whole.

    Args:
        params: params.yaml, beside which profiles/ lies
        name: a profile, or `default` for params.yaml without one

    Raises:
        SettingsError: no such profile; a setting that does not exist or is out of range; nothing is written then
    """
    read_params(params)
    text = params.read_bytes().decode()
    base, kept = _without(text, _state(params), params.name)
    if name == DEFAULT:
        return Plan(params, text, base, None, tuple(kept))
    profile = load(params, name)
    before = yaml.safe_load(base)
    after = laid_over(before, profile)
    check_with(before, after, f"{params.name} with profiles/{name}.yaml")
    new = edited(base, after, params.name)
    return Plan(params, text, new, {"profile": name, "before": base, "after": new}, tuple(kept))


def _without(text: str, state: Mapping[str, str], file: str) -> tuple[str, list[str]]:
    """Return params.yaml without the profile in use, and the settings of the profile that were changed since."""
    if not state:
        return text, []
    if text == state["after"]:
        return state["before"], []
    now, before, after = (yaml.safe_load(words) for words in (text, state["before"], state["after"]))
    target, kept = json.loads(json.dumps(now)), []
    for path in differences(before, after):
        old, laid, here = (value_at(node, path) for node in (before, after, now))
        if repr(here) == repr(laid):
            _put(target, path, old)
        elif repr(here) != repr(old):
            kept.append(".".join(map(str, path)))
    return edited(text, target, file), kept


def _put(node: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    for key in path[:-1]:
        node = node.setdefault(key, {})
    if value is MISSING:
        node.pop(path[-1], None)
    else:
        node[path[-1]] = value
