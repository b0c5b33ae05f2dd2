"""One name in several spellings: letter case, forms of Unicode, what cannot be seen, and numbers that went through a
spreadsheet or a data frame.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from pipeline.core.errors import did_you_mean

_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\ufe00-\ufe0f]")
"""What is seen as nothing, beside the formats and controls of Unicode (categories Cf and Cc)."""
_NUMBER = re.compile(r"0*(\d+)(?:[.,]0{0,2})?")


def visible(text: str) -> str:
    """Return a text without what cannot be seen, such as a byte order mark or a space of no width.

    >>> visible("\\ufeffclip\\u200b_id")
    'clip_id'
    """
    seen = (c for c in text if c.isspace() or unicodedata.category(c) not in ("Cf", "Cc"))
    return _UNSEEN.sub("", "".join(seen))


def plain(name: str) -> str:
    """Return what all spellings of a name have in common, apart from numbers.

    >>> plain("Jose\\u0301  A\\u200b") == plain("jos\\u00e9 a")
    True
    """
    text = unicodedata.normalize("NFKC", visible(unicodedata.normalize("NFKC", name).casefold()))
    dashes = ("-" if unicodedata.category(c) == "Pd" else "'" if c in "‘’" else c for c in text)
    return " ".join("".join(dashes).split())


def person(name: str) -> str:
    """Return what all spellings of a speaker have in common: a data frame makes 3 into 3.0, a spreadsheet 03 into 3.

    >>> [person(name) for name in ("3", "3.0", "03", "3,0", "30", "3.1", "s03")]
    ['3', '3', '3', '3', '30', '3.1', 's03']
    """
    text = plain(name)
    number = _NUMBER.fullmatch(text)
    return number[1] if number else text


def meant_by(setting: str, names: Collection[str]) -> str:
    """Return the hint which of some names a setting means: one that YAML read as a number, as 007 is 7, and 010, being
    octal, 8; else see `did_you_mean`.

    >>> meant_by("8", ["anna", "010"])
    " (did you mean '010'? YAML reads it as a number: quote it)"
    """
    for name in names:
        octal = str(int(name, 8)) if re.fullmatch("0[0-7]+", name) else ""
        if name != setting and re.fullmatch("[0-9]+", setting) and setting in (person(name), octal):
            return f" (did you mean '{name}'? YAML reads it as a number: quote it)"
    return did_you_mean(setting, names)


def shown(name: str, other: str = "") -> str:
    """Return a name in quotes, in ASCII where its letters do not show what it is, or how it differs from another.

    >>> shown("josé"), shown("josé", "jose\\u0301"), shown("3\\u200b")
    ("'josé'", "'jos\\\\xe9'", "'3\\\\u200b'")
    """
    same = name != other and unicodedata.normalize("NFC", name) == unicodedata.normalize("NFC", other)
    return ascii(name) if same or not name.isprintable() else f"'{name}'"


def canonical(names: Iterable[str], times: Mapping[str, int] | None = None) -> str:
    """Return the spelling that stands for all: the one that occurs most often, so that one slip of the pen renames
    nobody else; of these the shortest, one with letters in usual case, the first in order.

    >>> canonical(["Anna", "anna"], {"Anna": 1, "anna": 2}), canonical(["Joey", "JoEy"])
    ('anna', 'Joey')
    """
    many = times or {}
    return min(names, key=lambda name: (-many.get(name, 0), len(name), not _usual(name), name))


def _usual(name: str) -> bool:
    return name in (name.title(), name.capitalize(), name.lower(), name.upper())


def spellings(names: Iterable[str], key: Callable[[str], str]) -> Mapping[str, list[str]]:
    """Return what spellings have in common by `key` -> the spellings, sorted.

    >>> dict(spellings(["anna", "ben", "Anna"], plain))
    {'anna': ['Anna', 'anna'], 'ben': ['ben']}
    """
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(set(names)):
        found[key(name)].append(name)
    return found
