"""JSON files: scores by model, metrics, corpus.json, and any other as its keys and values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.runner.terminal import pairs, short, table

_LINES, _DEEPEST = 60, 4
_COLUMNS = 10


def read(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        ArtifactError: not JSON, or cut off
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # RecursionError: brackets within brackets without end
        words = " ".join(str(error).split())[:120]
        raise ArtifactError(
            f"{path}: not readable JSON ({words}), damaged or cut off; rerun its stage with `dvc repro -f`"
        ) from error


def describe(path: Path) -> list[str]:
    """Return a JSON file as a table where it is one (a block of figures by model), otherwise as its keys and values.

    Raises:
        ArtifactError: not JSON, or cut off
    """
    content = read(path)
    size = (
        f"{len(content)} keys"
        if isinstance(content, dict)
        else f"{len(content)} items"
        if isinstance(content, list)
        else type(content).__name__
    )
    return [f"{path}", *pairs([("kind", "JSON"), ("holds", size)]), "", *_told(content)]


def _told(content: Any) -> list[str]:
    if not isinstance(content, dict):
        return _tree(content)
    tables = {name: value for name, value in content.items() if _is_table(value)}
    if _is_table(content):
        return _table("name", content)
    plain = {name: value for name, value in content.items() if name not in tables}
    lines = _tree(plain) if plain else []
    for name, value in tables.items():
        lines += ["", *_table(name, value)]
    return lines


def _is_table(value: Any) -> bool:
    """Return whether it is a dict of at least two dicts of figures or words, such as `scores.json`."""
    if not isinstance(value, dict) or len(value) < 2:
        return False
    return all(
        isinstance(row, dict) and row and not any(isinstance(cell, dict | list) for cell in row.values())
        for row in value.values()
    )


def _table(name: str, value: dict[str, dict[str, Any]]) -> list[str]:
    columns = list(dict.fromkeys(column for row in value.values() for column in row))
    shown = columns[:_COLUMNS]
    lines = table([name, *shown], [[key, *(row.get(column, "-") for column in shown)] for key, row in value.items()])
    return lines if len(shown) == len(columns) else [*lines, f"... without {', '.join(columns[_COLUMNS:])}"]


def _tree(content: Any) -> list[str]:
    lines = list(_branches(content, 0))
    return lines if len(lines) <= _LINES else [*lines[:_LINES], f"... and {len(lines) - _LINES} more lines"]


def _branches(content: Any, depth: int) -> Iterator[str]:
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = {f"[{number}]": value for number, value in enumerate(content)}.items()
    else:
        yield f"{'  ' * depth}{short(content, 160)}"
        return
    for name, value in items:
        simple = not isinstance(value, dict | list) or depth == _DEEPEST or _is_flat(value)
        yield f"{'  ' * depth}{short(name)}" + (f"  {short(_flat(value), 160)}" if simple else "")
        if not simple:
            yield from _branches(value, depth + 1)


def _is_flat(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, dict | list) for item in inner)


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "none"
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
