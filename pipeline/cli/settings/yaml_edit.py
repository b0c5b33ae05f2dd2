"""Change values in a YAML text and nothing else: comments, order, anchors and layout stay as somebody wrote them.

A library that writes what it has read joins lines and drops the comments within `{}`; here only the characters of a
value that changes are replaced. What comes out is parsed again and compared with what was asked for, so a text that
this module does not understand is refused, never damaged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from pipeline.core.errors import SettingsError
from pipeline.core.yaml_text import LOADER, parsed

Path = tuple[Any, ...]
"""The keys from the top down to a setting."""
MISSING = object()


def edited(text: str, target: Mapping[str, Any], file: str = "params.yaml") -> str:
    """Return a YAML text that holds all values of `target` and no other, with as few characters changed as can be.

    >>> edited("a: {b: 1, c: 2} # why\\n", {"a": {"b": 3, "c": 2, "d": [4]}})
    'a: {b: 3, c: 2, d: [4]} # why\\n'
    """
    seen, path = set[str](), Path()
    try:
        while text not in seen:
            found = next(differences(parsed(text, known=bool(seen)), target), None)
            seen.add(text)
            if found is None:
                return text
            path, text = found, _changed(text, found, target)
    except (yaml.YAMLError, LookupError):
        pass
    why = "cannot be changed in the way that the file is written; set it by hand"
    raise SettingsError(f"{file}: {'.'.join(map(str, path))}: {why}")


def differences(before: Any, after: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the key of every setting that differs; a list counts as one value.

    >>> list(differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 1.0}, "d": 2}))
    [('a', 'b'), ('d',), ('c',)]
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, value in after.items():
            yield from differences(before.get(key, MISSING), value, (*path, key))
        yield from ((*path, key) for key in before if key not in after)
    elif repr(before) != repr(after):
        yield path


def value_at(node: Any, path: Path) -> Any:
    """Return what stands under a key; `MISSING` if nothing does."""
    for key in path:
        node = node.get(key, MISSING) if isinstance(node, Mapping) else MISSING
    return node


class _Entry(NamedTuple):
    """One key of a mapping and its value: from which character to which; an alias is `*name`, and written elsewhere."""

    key: yaml.Node
    value: yaml.Node
    start: int
    end: int
    alias: bool


def _entries(text: str, node: yaml.MappingNode) -> dict[Any, _Entry]:
    """Return the entries that a mapping writes itself, of what it merges only the key `<<`."""
    loader, found = yaml.SafeLoader(""), {}
    for key, value in node.value:
        alias = re.compile(r"\s*:\s*(\*[^\s,\]}]+)").match(text, key.end_mark.index)
        start, end = alias.span(1) if alias else (value.start_mark.index, _end(text, value))
        merges = key.tag == "tag:yaml.org,2002:merge"
        found["<<" if merges else loader.construct_object(key, deep=True)] = _Entry(key, value, start, end, bool(alias))
    return found


def _end(text: str, node: yaml.Node) -> int:
    """Return where a value ends; the mark of a block lies behind the comments and empty lines that follow it."""
    written = text[node.start_mark.index : node.end_mark.index]
    return node.start_mark.index + len(re.sub(r"(\n[ \t]*(#[^\n]*)?)+[ \t]*\Z", "", written))


def _changed(text: str, path: Path, target: Mapping[str, Any]) -> str:
    node, above = yaml.compose(text, Loader=LOADER), None
    for depth, key in enumerate(path, 1):
        if not isinstance(node, yaml.MappingNode):
            raise LookupError(path)
        entries, value = _entries(text, node), value_at(target, path[:depth])
        entry = entries.get(key)
        if entry is None and value is not MISSING:
            return _inserted(text, node, key, value)
        if entry is None:  # it is merged: without it the block says all of its own
            return _replaced(text, above, value_at(target, path[: depth - 1]))
        if depth < len(path) and not entry.alias:
            node, above = entry.value, entry
        elif value is MISSING:
            return _removed(text, node, entries, key, above)
        else:
            return _replaced(text, entry, value)
    raise LookupError(path)


class _Dumper(yaml.SafeDumper):
    """Writes text with line breaks as escapes, so that every value takes one line."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    broken = value.splitlines() not in ([], [value])
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if broken else None)


_Dumper.add_representer(str, _text)


def _flow(value: Any) -> str:
    """Return a value on one line, fit to stand within {}."""
    look: dict[str, Any] = {"default_flow_style": True, "allow_unicode": True, "width": 10**9, "sort_keys": False}
    return yaml.dump([value], Dumper=_Dumper, **look).rstrip("\n")[1:-1]


def _replaced(text: str, entry: _Entry | None, value: Any) -> str:
    if entry is None:
        raise LookupError
    anchor = re.match(r"&\S+\s*", text[entry.start : entry.end])  # others refer to it
    start = entry.start + (anchor.end() if anchor else 0)
    text = _freed(text, start, entry.end) if "&" in text[start : entry.end] else text
    between = text[entry.key.end_mark.index : start]
    if not anchor and not between.strip(" \n:"):  # a block begins on the line below its key
        start = entry.key.end_mark.index + between.index(":") + 1
    space = "" if text[start - 1].isspace() else " "
    return f"{text[:start]}{space}{_flow(value)}{text[entry.end :]}"


def _inserted(text: str, node: yaml.MappingNode, key: Any, value: Any) -> str:
    line = f"{_flow(key)}: {_flow(value)}"
    if node.flow_style:
        place = node.end_mark.index - 1
        last = node.value and max(entry.end for entry in _entries(text, node).values())
        if not last:
            return f"{text[:place]}{line}{text[place:]}"
        comma = re.compile(r"\s*,").match(text, last)
        return f"{text[:last]}, {line}{text[comma.end() if comma else last :]}"
    place = text.find("\n", _end(text, node))
    head, tail = (text.rstrip(), "\n") if place < 0 else (text[:place], text[place:])
    return f"{head}\n{' ' * node.value[0][0].start_mark.column}{line}{tail}"


def _removed(text: str, node: yaml.MappingNode, entries: Mapping[Any, _Entry], key: Any, above: _Entry | None) -> str:
    if len(entries) == 1:
        return _replaced(text, above, {})
    entry, names = entries[key], list(entries)
    start, end = entry.key.start_mark.index, entry.end
    text = _freed(text, start, end)
    if not node.flow_style:
        start, end = text.rfind("\n", 0, start) + 1, text.find("\n", end)
        if text[start : entry.key.start_mark.index].strip():
            raise LookupError(key)
        return text[:start] + (text[end + 1 :] if end >= 0 else "")
    number = names.index(key) + 1
    if number < len(names):
        return text[:start] + text[entries[names[number]].key.start_mark.index :]
    return text[: entries[names[number - 2]].end] + text[end:]


def _freed(text: str, start: int, end: int) -> str:
    """Return a text in which nothing refers to anchors between two characters: the first that did is the anchor now."""
    nodes = {node.start_mark.index: node for node in _nodes(yaml.compose(text, Loader=LOADER))}
    inside: dict[str, yaml.Node] = {}
    moved: dict[int, tuple[str, yaml.Node]] = {}
    for event in yaml.parse(text, Loader=LOADER):
        place, anchor = getattr(event.start_mark, "index", 0), getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent) and place >= end and anchor in inside:
            moved[place] = (anchor, inside.pop(anchor))
        elif not isinstance(event, yaml.AliasEvent) and anchor and start <= place < end:
            inside[anchor] = nodes[place]
    for place, (anchor, node) in reversed(moved.items()):
        value = _flow(yaml.SafeLoader("").construct_object(node, deep=True))
        text = f"{text[:place]}&{anchor} {value}{text[place + len(anchor) + 1 :]}"
    return text


def _nodes(node: yaml.Node | None) -> Iterator[yaml.Node]:
    if node is not None:
        yield node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from (key, *_nodes(value))
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _nodes(value)
