"""Profiles: overlays of params.yaml that are laid over it, and taken off again.

A file of `profiles/` holds sections as params.yaml does, of each only what it changes. A list takes the place of a
list. Beside them, `remove` may list dotted keys that are taken out first. What params.yaml was before a profile stands
in `profiles/.in_use.json`, so that `use default` gives it back to the byte; what somebody has changed since then stays.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cli.settings.derived import renew
from pipeline.cli.settings.sections import check
from pipeline.cli.settings.yaml_edit import MISSING, differences, edited, value_at
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.files import atomic_path, write_json
from pipeline.core.settings import read_params
from pipeline.core.yaml_text import parsed

DEFAULT = "default"
"""params.yaml without a profile."""
_STATE = ".in_use.json"


@dataclass(frozen=True)
class Profile:
    """A file of `profiles/`: its name, its first comment, dotted keys to remove, and sections of params.yaml."""

    name: str
    about: str
    remove: list[str]
    over: Mapping[str, Any]


def _folder(params: Path) -> Path:
    return params.parent / "profiles"


def names(params: Path) -> list[str]:
    """Return the profiles beside a params.yaml."""
    return sorted(path.stem for path in _folder(params).glob("[!.]*.yaml"))


def load(params: Path, name: str) -> Profile:
    """Read a profile."""
    path = _folder(params) / f"{name}.yaml"
    if name not in names(params):
        raise SettingsError(f"{path}: no such profile{did_you_mean(name, [DEFAULT, *names(params)])}")
    content = read_params(path)
    remove = content.pop("remove", None) or []
    if not isinstance(remove, list) or not all(isinstance(key, str) for key in remove):
        raise SettingsError(f"{path}: remove: expected a list of keys, such as [pretrain.alexnet] (got {remove!r})")
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return Profile(name, first.removeprefix("#").strip() if first.startswith("#") else "", remove, content)


def _laid_over(params: Mapping[str, Any], profile: Profile) -> dict[str, Any]:
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


@dataclass(frozen=True)
class Plan:
    """What `use` would write."""

    params: Path
    text: str  # what params.yaml holds
    new: str  # what it would hold
    state: Mapping[str, str] | None  # what is remembered for the way back; None = no profile is in use then
    kept: tuple[str, ...]  # settings of the profile in use so far that were changed since, and stay

    def difference(self) -> str:
        """Return the change as a unified diff; empty if there is none."""
        name, (now, then) = self.params.name, (text.splitlines(keepends=True) for text in (self.text, self.new))
        lines = difflib.unified_diff(now, then, f"{name} (now)", f"{name} (then)")
        return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)

    def write(self) -> None:
        """Write params.yaml, whole or not at all, how to go back, and what DVC reads beside it."""
        state = _folder(self.params) / _STATE
        if self.state is not None:
            write_json(state, self.state)
        if self.new != self.text:
            with atomic_path(self.params) as temporary:
                temporary.write_bytes(self.new.encode())
        if self.state is None:
            state.unlink(missing_ok=True)
        renew(parsed(self.new), self.params)


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
        raise SettingsError(f"{path}: damaged; move it away, and put {params.name} back by hand") from error


def plan(params: Path, name: str) -> Plan:
    """Return what `use` of a profile, or of `default`, would write, checked as a whole."""
    read_params(params)
    text = params.read_bytes().decode()
    base, kept = _without(text, _state(params), params.name)
    if name == DEFAULT:
        return Plan(params, text, base, None, tuple(kept))
    before = parsed(base)
    after = _laid_over(before, load(params, name))
    check(after, f"{params.name} with profiles/{name}.yaml", before)
    new = edited(base, after, params.name)
    return Plan(params, text, new, {"profile": name, "before": base, "after": new}, tuple(kept))


def _without(text: str, state: Mapping[str, str], file: str) -> tuple[str, list[str]]:
    """Return params.yaml without the profile in use, and the settings of the profile that were changed since."""
    if not state:
        return text, []
    if text == state["after"]:
        return state["before"], []
    now, before, after = (parsed(words) for words in (text, state["before"], state["after"]))
    target, kept = json.loads(json.dumps(now)), []
    for path in differences(before, after):
        old, laid, here = (value_at(node, path) for node in (before, after, now))
        if repr(here) == repr(laid):
            node = target
            for key in path[:-1]:
                node = node.setdefault(key, {})
            node[path[-1]] = old
            if old is MISSING:
                del node[path[-1]]
        elif repr(here) != repr(old):
            kept.append(".".join(map(str, path)))
    return edited(text, target, file), kept


def listed(params: Path) -> str:
    """Return the profiles, one a line, with what each is for; `*` stands before the one in use."""
    about = {DEFAULT: f"{params.name} without a profile"} | {name: load(params, name).about for name in names(params)}
    used, wide = in_use(params), max(map(len, about)) + 1
    return "\n".join(f"{'*' if name == used else ' '} {name:<{wide}} {words}" for name, words in about.items())


def shown(params: Path, name: str) -> str:
    """Return what a profile is for, and every setting that it would change."""
    if name == DEFAULT:
        return plan(params, name).difference() or f"{params.name} has no profile"
    profile, before, lines = load(params, name), read_params(params), []
    after = _laid_over(before, profile)
    for path in differences(before, after):
        here, there = (value_at(node, path) for node in (before, after))
        words = " -> ".join("nothing" if value is MISSING else str(value) for value in (here, there))
        lines.append(f"{'.'.join(map(str, path))}: {words}")
    return "\n".join([profile.about, *(lines or [f"{params.name} has all of its settings already"])])


def used(params: Path, name: str, dry: bool = False) -> str:
    """Lay a profile over params.yaml, or say what would change; return it in words."""
    planned = plan(params, name)
    kept, difference = [f"kept as you changed it since: {key}" for key in planned.kept], planned.difference()
    if dry:
        return "\n".join([difference.rstrip("\n") or f"{params.name} stays as it is", *kept])
    planned.write()
    count = sum(line.startswith("+") for line in difference.splitlines()[2:])
    return "\n".join([f"{params.name}: {name}, {count} lines changed; `dvc repro` runs what depends on them", *kept])
