"""docs/settings.md: every setting of params.yaml in words, made of the typed models.

A field's description may end with what papers print for it, `{Huang 4.1: 0.5 for train.lstm.*}`: paper and section, the
value, and a pattern of the dotted keys where it is not for all of them.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pipeline.cli.settings.sections import WHOLE, blocks, parts
from pipeline.core.yaml_text import parsed

HEAD = """\
# Settings

What every setting of `params.yaml` means, section by section in its order. Of several blocks with the same setting,
`{a,b}.key` names those it is for, `*.key` stands for all. *Shipped* is the value of `params.yaml` as it came, in
italics where it is the default of a setting that does not stand there; *paper* the value that a paper prints, where one
does.

This page is generated from the typed models: `python scripts/settings_page.py`.
"""
_PAPERS = {**{name: f"{name} et al. 2017" for name in ("Huang", "Zhang", "Ouyang")}, "Guo": "Guo et al."}
PRINTED = re.compile(r"\s*\{(\w+) ([^:{}]+): ([^{}]+?)(?: for ([\w.*]+))?\}")
_UNITS = {"_ms": "ms", "_s": "s", "_hz": "Hz", "_px": "px", "_db": "dB", "_gb": "GB"}
_KINDS = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null"}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
_LONG = 60


@dataclass
class _Row:
    """One setting, for all blocks in which it means the same."""

    key: str
    about: FieldInfo
    values: dict[str, str] = field(default_factory=dict)


def page(text: str) -> str:
    """Return the page for a params.yaml, given as text."""
    params = parsed(text)
    return HEAD + "".join(_section(name, params[name], _comment(text, name)) for name in params)


def demo(text: str) -> str:
    """Return the profile `demo` for a params.yaml as shipped: all settings but those of the machine (`runtime`)."""
    params = json.loads(json.dumps(parsed(text)))
    params.pop("runtime", None)
    lines = ["# The settings as shipped, for the demo corpus; made by scripts/settings_page.py."]
    for section, content in params.items():
        lines.append(f"{section}:" if content else f"{section}: {{}}")
        for name, value in content.items():
            words = yaml.safe_dump(value, default_flow_style=True, width=90, sort_keys=False)
            flat = words.removesuffix("\n...\n").rstrip("\n").replace("\n", "\n    ")
            lines.append(f"  {name}: {flat}")
    return "\n".join(lines) + "\n"


def _comment(text: str, section: str) -> str:
    found = re.search(rf"((?:^# .*\n)+){section}:", text, re.MULTILINE)
    return found[1].replace("# ", "").replace("\n", " ").strip() if found else ""


def _section(section: str, data: Any, comment: str) -> str:
    found: dict[tuple[str, str, str], _Row] = {}
    names = [name for _, name, _ in parts({section: data})]
    for name in names:
        for block in blocks(section, name, data[name] if name else data):
            inner = block.place.removeprefix(f"{section}.{name}" if name else section)
            for key, about, value in _fields(block.model, block.data or {}, inner):
                row = found.setdefault((key, about.description or "", _range(about, key)), _Row(key, about))
                row.values[name] = value
    lines = [f"\n## {section}\n", *([comment + "\n"] if comment else [])]
    if not found:
        return "\n".join([*lines, "Nothing to set.\n"])
    lines += ["| setting | meaning | unit, range | shipped | paper | source |", "|---|---|---|---|---|---|"]
    return "\n".join([*lines, *(_line(section, names, row) for row in found.values())]) + "\n"


def _fields(model: type[BaseModel], data: Any, above: str) -> Iterator[tuple[str, FieldInfo, str]]:
    """Yield (key, field, value as text) of a model, and of the models within it."""
    for name, about in model.model_fields.items():
        if name == "settings":  # a block of its own
            continue
        key, value = f"{above}.{name}", data.get(name, PydanticUndefined) if isinstance(data, Mapping) else None
        inner, left_out = _inner(about.annotation), value is PydanticUndefined and about.default is None
        if inner is None or value is None or left_out:
            yield key, about, _shown(value, about)
        else:
            yield from _fields(inner, value if isinstance(value, Mapping) else {}, key)


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType):
        return next((found for found in map(_inner, get_args(annotation)) if found), None)
    return None


def _shown(value: Any, about: FieldInfo) -> str:
    given = value is not PydanticUndefined
    value = value if given else about.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return ""
    value = value.model_dump() if isinstance(value, BaseModel) else value
    plain = list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
    words = yaml.safe_dump(plain, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("\n...\n").strip()
    words = f"`{words}`" if len(words) <= _LONG else "see params.yaml"
    return words if given else f"*{words}*"


def _line(section: str, names: list[str], row: _Row) -> str:
    own = list(row.values)
    place = "" if section in WHOLE else "*" if own == names else own[0] if len(own) == 1 else f"{{{','.join(own)}}}"
    full = {name: f"{section}.{name}{row.key}" if name else f"{section}{row.key}" for name in own}
    printed = []
    for paper, where, value, pattern in PRINTED.findall(row.about.description or ""):
        meant = [name for name, key in full.items() if fnmatchcase(key, pattern or "*")]
        if meant:
            printed.append((value if meant == own else f"{', '.join(meant)}: {value}", f"{_PAPERS[paper]}, {where}"))
    meaning = PRINTED.sub("", row.about.description or "")
    shipped = {value: [name for name in own if row.values[name] == value] for value in row.values.values()}
    told = [f"{', '.join(having)}: {value}" if len(shipped) > 1 else value for value, having in shipped.items()]
    cells = [f"`{(place + row.key).lstrip('.')}`", meaning, _range(row.about, row.key), "; ".join(told)]
    cells += ["; ".join(value for value, _ in printed), "; ".join(dict.fromkeys(source for _, source in printed))]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |".replace("  ", " ")


def _range(about: FieldInfo, key: str) -> str:
    unit = next((unit for end, unit in _UNITS.items() if key.endswith(end)), "px" if key.endswith(".px") else "")
    words = [_kind(about.annotation), *_bounds(about.metadata)]
    return f"{unit}: {' '.join(words)}" if unit else " ".join(words)


def _bounds(metadata: list[Any]) -> list[str]:
    limits = [one for each in metadata for one in (each.metadata if isinstance(each, FieldInfo) else [each])]
    found = [(sign, getattr(limit, name, None)) for limit in limits for name, sign in _BOUNDS.items()]
    return [f"{sign} {bound:g}" for sign, bound in found if bound is not None]


def _kind(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return " ".join([_kind(inner[0]), *_bounds(list(inner[1:]))])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(one) for one in inner)
    if origin in (tuple, list):
        each = list(dict.fromkeys(_kind(one) for one in inner if one is not Ellipsis))
        return f"list: {', '.join(each)}"
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return "names with values"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "a block"
    return _KINDS.get(annotation, "text")
