"""Settings as nested mappings: what stands under a key, and in which keys two of them differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[Any, ...]
"""The keys from the top down to a setting."""
MISSING = object()


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
