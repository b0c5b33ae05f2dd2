"""Words for the terminal: short, and with no character that it would obey."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

from pipeline.core.clip import Clip, class_names

WIDEST = 96


def clean(text: Any) -> str:
    """Return text with what cannot be seen (line breaks, escape codes, marks of direction) as its Python escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii") for c in str(text)
    )


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


def table(
    header: Sequence[str], rows: Iterable[Sequence[Any]], texts: Container[int] = (0,), widest: int = WIDEST
) -> list[str]:
    """Return lines of a table, its header first, `widest` characters of a cell at most; the columns in `texts` are set
    left, the others right.
    """
    lines = [[short(cell, widest) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if at in texts else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def figure(number: float) -> str:
    """Return a number with four significant digits."""
    return f"{number:.4g}"


def emotions_of(emotions: Sequence[str]) -> list[str]:
    """Return the emotions that occur, those of the pipeline first, in its order."""
    known = class_names(Clip("", "", "", emotion) for emotion in emotions)
    return known + sorted(set(emotions) - set(known))
