"""One name in several spellings: letter case, forms of Unicode, what cannot be seen, and numbers that went through a
spreadsheet or a data frame.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping

from pipeline.core.errors import did_you_mean

_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0]")
"""What is seen as nothing, beside the formats and controls of Unicode (categories Cf and Cc)."""
_NUMBER = re.compile(r"\+?0*(\d+)(?:[.,]0*)?")
_ALIKE = str.maketrans("аеіјорсухѕԁһӏοανρυ", "aeijopcyxsdhloavpu")
"""Small letters of Cyrillic and Greek that look like Latin ones."""


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


def number(name: str) -> str:
    """Return what is `plain` of a name, of a number its value: a data frame makes 3 into 3.0, a spreadsheet 03 into 3.

    >>> [number(name) for name in ("3", "3.0", "03", "3,0", "+3", "30", "3.1", "s03")]
    ['3', '3', '3', '3', '3', '30', '3.1', 's03']
    """
    text = "".join(str(unicodedata.decimal(c, c)) for c in plain(name))
    found = _NUMBER.fullmatch(text)
    return found[1] if found else text


def person(name: str) -> str:
    """Return what all spellings of a speaker have in common: as `number`, and letters of other alphabets that look the
    same, marks and underscores between words or around them, zeros before numbers in it, and UTF-8 that was read as
    Windows-1252.

    >>> [person(name) for name in ("s03", "S_3", "Dr. K", "dr k", "\u0430nna.", "3.1")]
    ['s3', 's 3', 'dr k', 'dr k', 'anna', '3 1']
    """
    text = number(_mended(name)).replace("i\u0307", "i").translate(_ALIKE)
    words = "".join(c if c.isalnum() or unicodedata.category(c)[0] in "MS" else " " for c in text).split()
    return re.sub(r"(?<!\d)0+(?=\d)", "", " ".join(words)) or text


def _mended(name: str) -> str:
    """Return the UTF-8 that somebody took for Windows-1252; other names as they are."""
    try:
        return name.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return name


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
    same = name != other and _seen(name) == _seen(other)
    return ascii(name) if same or not name.isprintable() or visible(name) != name else f"'{name}'"


def _seen(name: str) -> str:
    return unicodedata.normalize("NFC", name).translate(_ALIKE)


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
