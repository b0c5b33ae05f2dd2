"""Profiles: settings of `profiles/<name>.yaml` that are laid over params.yaml, and taken off again.

A profile holds sections as params.yaml does, of each only what it changes. A list takes the place of a list. Beside
them, `remove` may list dotted keys that are taken out first. What params.yaml was before a profile stands in
`profiles/.in_use.json`, so that `use default` gives it back; what somebody has changed since then stays.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.cli.settings.sections import parts, problems
from pipeline.cli.settings.yaml_edit import MISSING, differences, edited, value_at
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.files import atomic_path, write_json
from pipeline.core.settings import read_params

DEFAULT = "default"
"""params.yaml without a profile."""
_STATE = ".in_use.json"


@dataclass(frozen=True)
class Profile:
    """An overlay.

    Attributes:
        name: of its file, without `.yaml`
        about: the first comment of the file
        remove: dotted keys
        over: sections of params.yaml
    """

    name: str
    about: str
    remove: tuple[str, ...]
    over: Mapping[str, Any]


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
        state = _folder(self.params) / _STATE
        if self.state is not None:
            write_json(state, self.state)
        if self.new != self.text:
            with atomic_path(self.params) as temporary:
                temporary.write_bytes(self.new.encode())
        if self.state is None:
            state.unlink(missing_ok=True)


def _folder(params: Path) -> Path:
    return params.parent / "profiles"


def names(params: Path) -> list[str]:
    """Return the profiles beside a params.yaml."""
    return sorted(path.stem for path in _folder(params).glob("[!.]*.yaml"))


def in_use(params: Path) -> str:
    """Return the name of the profile that was laid over params.yaml last."""
    return _state(params).get("profile", DEFAULT)


def _state(params: Path) -> dict[str, str]:
    path = _folder(params) / _STATE
    if not path.is_file():
        return {}
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        return {key: str(state[key]) for key in ("profile", "before", "after")}
    except (ValueError, LookupError, TypeError) as error:
        raise SettingsError(f"{path}: damaged; remove it, and put {params.name} back by hand") from error


def load(params: Path, name: str) -> Profile:
    """Read a profile.

    Raises:
        SettingsError: there is none of this name, or it is no mapping
    """
    path = _folder(params) / f"{name}.yaml"
    if name not in names(params):
        raise SettingsError(f"{path}: no such profile{did_you_mean(name, [DEFAULT, *names(params)])}")
    content = read_params(path)
    remove = content.pop("remove", None) or []
    if not isinstance(remove, list) or not all(isinstance(key, str) for key in remove):
        raise SettingsError(f"{path}: remove: expected a list of keys, such as [pretrain.alexnet] (got {remove!r})")
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return Profile(name, first.removeprefix("#").strip() if first.startswith("#") else "", tuple(remove), content)


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
    _check(before, after, f"{params.name} with profiles/{name}.yaml")
    new = edited(base, after, params.name)
    return Plan(params, text, new, {"profile": name, "before": base, "after": new}, tuple(kept))


def laid_over(params: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
    """Return settings with a profile laid over them.

    Raises:
        SettingsError: a key under `remove` that does not exist, and is like one that does
    """
    found = json.loads(json.dumps(params))
    for key in profile.remove:
        *above, last = key.split(".")
        block = value_at(found, tuple(above))
        if isinstance(block, dict) and last in block:
            del block[last]
        elif not isinstance(block, dict) or difflib.get_close_matches(last, block, n=1):
            near = did_you_mean(last, block if isinstance(block, dict) else found)
            raise SettingsError(f"profiles/{profile.name}.yaml: remove: {key}: no such key{near}")
    return _merged(found, profile.over)


def _merged(below: Any, over: Any) -> Any:
    if isinstance(below, Mapping) and isinstance(over, Mapping):
        return {**below, **{key: _merged(below.get(key), value) for key, value in over.items()}}
    return over


def _check(before: Mapping[str, Any], after: Mapping[str, Any], file: str) -> None:
    try:
        found = problems(after)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from None
    known = {(section, name) for section, name, _ in parts(before)}
    lines = []
    for place, words in found.items():
        section, *name = place.split(".")[:2]
        others = [other for part, other in known if part == section]
        new = name and name[0] not in others
        lines.append(words + (f", and {section} has no '{name[0]}' yet{did_you_mean(name[0], others)}" if new else ""))
    if lines:
        raise SettingsError(f"{file}: {'; '.join(lines)}")


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


def changes(params: Path, profile: Profile) -> Iterator[tuple[str, Any, Any]]:
    """Yield (setting, here, in the profile) of what a profile would change; `MISSING` where there is nothing."""
    before = read_params(params)
    after = laid_over(before, profile)
    for path in differences(before, after):
        yield ".".join(map(str, path)), value_at(before, path), value_at(after, path)
