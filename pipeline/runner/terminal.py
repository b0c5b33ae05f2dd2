"""Words for the terminal: short, and with no character that it would obey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.core.clip import Clip, class_names
from pipeline.core.errors import clean

WIDEST = 96


def short(text: Any, most: int = WIDEST) -> str:
    """Return clean text of `most` characters, with an ellipsis where some are left out."""
    whole = clean(text)
    return whole if len(whole) <= most else f"{whole[: most - 3]}..."


def count(number: int, word: str) -> str:
    """Return `1 clip`, `2 clips`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def size(number: int) -> str:
    """Return a number of bytes in words, such as `1.9 MB`."""
    if number < 1000:
        return count(number, "byte")
    return next(
        f"{number / unit:.1f} {name}" for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")) if number >= unit
    )


def figure(number: float) -> str:
    """Return a number with four significant digits."""
    return f"{number:.4g}"


def emotions_of(emotions: Sequence[str]) -> list[str]:
    """Return the emotions that occur, those of the pipeline first, in its order."""
    known = class_names(Clip("", "", "", emotion) for emotion in emotions)
    return known + sorted(set(emotions) - set(known))
