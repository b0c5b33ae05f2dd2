"""The files of `profiles/`: overlays of params.yaml.

A profile holds sections as params.yaml does, of each only what it changes. A list takes the place of a list. Beside
them, `remove` may list dotted keys that are taken out first.
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
from pipeline.cli.settings.tree import differences, value_at
from pipeline.core.errors import SettingsError, did_you_mean
from pipeline.core.settings import read_params

DEFAULT = "default"
"""params.yaml without a profile."""


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


def folder(params: Path) -> Path:
    return params.parent / "profiles"


def names(params: Path) -> list[str]:
    """Return the profiles beside a params.yaml."""
    return sorted(path.stem for path in folder(params).glob("[!.]*.yaml"))


def load(params: Path, name: str) -> Profile:
    """Read a profile.

    Raises:
        SettingsError: there is none of this name, or it is no mapping
    """
    path = folder(params) / f"{name}.yaml"
    if name not in names(params):
        raise SettingsError(f"{path}: no such profile{did_you_mean(name, [DEFAULT, *names(params)])}")
    content = read_params(path)
    remove = content.pop("remove", None) or []
    if not isinstance(remove, list) or not all(isinstance(key, str) for key in remove):
        raise SettingsError(f"{path}: remove: expected a list of keys, such as [pretrain.alexnet] (got {remove!r})")
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    return Profile(name, first.removeprefix("#").strip() if first.startswith("#") else "", tuple(remove), content)


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


def check_with(before: Mapping[str, Any], after: Mapping[str, Any], file: str) -> None:
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


def changes(params: Path, profile: Profile) -> Iterator[tuple[str, Any, Any]]:
    """Yield (setting, here, in the profile) of what a profile would change; `MISSING` where there is nothing."""
    before = read_params(params)
    after = laid_over(before, profile)
    for path in differences(before, after):
        yield ".".join(map(str, path)), value_at(before, path), value_at(after, path)


def demo(text: str) -> str:
    """Return the profile `demo` for a params.yaml as shipped: all settings but those of the machine (`runtime`)."""
    params = json.loads(json.dumps(yaml.safe_load(text)))
    params.pop("runtime", None)
    lines = ["# The settings as shipped, for the demo corpus; made by scripts/settings_page.py."]
    for section, blocks in params.items():
        values = (
            yaml.safe_dump(value, default_flow_style=True, width=90, sort_keys=False) for value in blocks.values()
        )
        flat = (value.removesuffix("\n...\n").rstrip("\n").replace("\n", "\n    ") for value in values)
        lines += [f"{section}:", *(f"  {name}: {text}" for name, text in zip(blocks, flat, strict=True))]
    return "\n".join(lines) + "\n"
