"""YAML that may come from anywhere: parsed where it stays small, refused where it would grow or nests without end.

A few hundred bytes can stand for billions of values (aliases of aliases, `<<` of lists of merges), and brackets within
brackets break the stack of a parser that calls itself. Events come one by one, whatever the text holds, so that both
are seen before anything is built.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Of YAML; libyaml takes a seventh of the time."""
DEEPEST = 60
"""Levels; params.yaml has seven."""
MOST_REPEATED = 200_000
"""Values and keys that aliases stand for beside those that are written; params.yaml has some hundred."""
MOST_WRITTEN = 200_000
"""Values and keys that are written; dvc.lock has some 10,000 for four systems on one corpus."""
MOST_CHARACTERS = 8_000_000
"""Of a text; dvc.lock has some 200,000."""
_LONGEST_NUMBER = 1000
_NUMBER = re.compile(r"[-+\d][\d_:.]*")
"""Whole numbers with colons count in sixties, which takes time that grows with the square of their length."""


def parsed(text: str, known: bool = False) -> Any:
    """Return what a YAML text holds; yaml.YAMLError where it is none, or too much, which is not looked for where the
    text is `known`: made of one that was looked at.
    """
    if not known:
        check_size(text)
    try:
        return LOADER(text).get_single_data()
    # a tag or a form promises what the text does not hold: 2024-13-45, `!!bool maybe`, a number of 5000 digits
    except (ValueError, LookupError, AttributeError, TypeError, OverflowError) as error:
        raise yaml.YAMLError(f"a value is not what it looks like ({error})") from error


def check_size(text: str) -> None:
    """Refuse, by a yaml.YAMLError, a text that nests too deeply, holds itself or stands for too many values."""
    if len(text) > MOST_CHARACTERS:
        raise yaml.YAMLError(f"{len(text):,} characters, more than the {MOST_CHARACTERS:,} that are read")
    sizes: dict[str, int] = {}  # anchor -> how many values it stands for
    begun: list[tuple[str | None, int]] = []  # collections without their end yet: anchor, `count` before it
    count = written = 0
    for event in yaml.parse(text, Loader=LOADER):
        anchor, line = getattr(event, "anchor", None), getattr(event.start_mark, "line", 0) + 1
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == one for one, _ in begun):
                raise yaml.YAMLError(f"'*{anchor}' at line {line} stands within what it stands for")
            count += sizes.get(str(anchor), 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            begun.append((anchor, count))
        elif isinstance(event, yaml.ScalarEvent) and _is_endless(event):
            raise yaml.YAMLError(f"a number of {len(event.value):,} digits at line {line}")
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent):
            count, written = count + 1, written + 1
            sizes[str(anchor)] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            name, before = begun.pop()
            sizes[str(name)] = count - before
        if len(begun) > DEEPEST:
            raise yaml.YAMLError(f"more than {DEEPEST} levels deep at line {line}")
        if count - written > MOST_REPEATED or written > MOST_WRITTEN:
            raise yaml.YAMLError(f"stands for more than {count - 1:,} values at line {line}, with what it repeats")


def _is_endless(event: yaml.ScalarEvent) -> bool:
    return not event.style and len(event.value) > _LONGEST_NUMBER and _NUMBER.fullmatch(event.value) is not None
