"""JSON files: scores by model, metrics, corpus.json, and any other as its keys and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.runner.layout import Part, pairs, shown, table
from pipeline.runner.terminal import short

_LINES, _DEEPEST, _COLUMNS = 60, 4, 10


def read(path: Path) -> Any:
    """Return what a JSON file holds."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # RecursionError: brackets within brackets without end
        said = f"not readable JSON ({' '.join(str(error).split())[:120]}), damaged or cut off"
        raise ArtifactError(f"{path}: {said}; rerun its stage with `dvc repro -f`") from error


def describe(path: Path) -> list[Part]:
    """Return kind and size of a JSON file, and what `told` says of it."""
    content = read(path)
    of = "keys" if isinstance(content, dict) else "items"
    size = f"{len(content)} {of}" if isinstance(content, dict | list) else type(content).__name__
    return [f"{path}", pairs([("kind", "JSON"), ("holds", size)]), "", *told(content)]


def told(content: Any) -> list[Part]:
    """Return the tables of a JSON document (blocks of figures by model), and the keys and values of the rest."""
    if not isinstance(content, dict):
        return _tree(content)
    if _is_table(content):
        return _table("name", content)
    plain = {name: value for name, value in content.items() if not _is_table(value)}
    lines = _tree(plain) if plain else []
    for name in (name for name in content if name not in plain):
        lines += ["", *_table(name, content[name])]
    return lines


def _is_table(value: Any) -> bool:
    """Return whether it is a dict of at least two dicts of figures or words, such as `scores.json`."""
    if not isinstance(value, dict) or len(value) < 2:
        return False
    return all(isinstance(row, dict) and row and _is_flat(row) for row in value.values())


def _table(name: str, value: dict[str, dict[str, Any]]) -> list[Part]:
    columns = list(dict.fromkeys(column for row in value.values() for column in row))
    first, left = columns[:_COLUMNS], columns[_COLUMNS:]
    found = table([name, *first], [[key, *(row.get(column, "-") for column in first)] for key, row in value.items()])
    return [found, f"... without {', '.join(left)}"] if left else [found]


def _tree(content: Any) -> list[Part]:
    lines = list(_branches(content, 0))
    return shown(lines[:_LINES], len(lines), _LINES, "more lines")


def _branches(content: Any, depth: int) -> Iterator[Part]:
    if not isinstance(content, dict | list):
        yield f"{'  ' * depth}{short(content, 160)}"
        return
    items = content.items() if isinstance(content, dict) else ((f"[{n}]", value) for n, value in enumerate(content))
    for name, value in items:
        simple = not isinstance(value, dict | list) or depth == _DEEPEST or _is_flat(value)
        yield f"{'  ' * depth}{short(name)}" + (f"  {short(_flat(value), 160)}" if simple else "")
        if not simple:
            yield from _branches(value, depth + 1)


def _is_flat(value: Any) -> bool:
    return not any(isinstance(item, dict | list) for item in (value.values() if isinstance(value, dict) else value))


def _flat(value: Any) -> str:
    words = [f"{key}={item}" for key, item in value.items()] if isinstance(value, dict) else value
    return (", ".join(map(str, words)) or "none") if isinstance(words, list) else str(value)
