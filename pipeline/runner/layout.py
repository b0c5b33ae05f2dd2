"""Tables on the terminal by rich: nothing in a cell is markup, and none of its characters steers the terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Container, Iterable, Sequence
from functools import partial
from io import StringIO
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.core.errors import clean
from pipeline.runner.console import colours
from pipeline.runner.terminal import WIDEST, short

Part = str | Table
"""A line, or a table."""
_LINE, _NAMES = 140, 15
"""Where long values go on below, and the columns that names take."""
WHOLE = 10_000
"""Characters of a cell that is shown whole, whatever is in it."""
_ANY = 100_000
"""Tables are never made narrower than what is in them: a terminal wraps, `less -S` scrolls, nothing is left out."""


def text_of(parts: Iterable[Part]) -> str:
    """Return lines and tables as text, in colour where standard output takes it."""
    on = colours(sys.stdout)
    console = Console(
        file=StringIO(), width=_ANY, color_system="standard" if on else None, force_terminal=on,
        markup=False, highlight=False, emoji=False,
    )  # fmt: skip
    lines = []
    for part in parts:
        if isinstance(part, str):
            lines.append(clean(part))
            continue
        with console.capture() as caught:
            console.print(part)
        lines += [line.rstrip() for line in caught.get().split("\n")[:-1]]
    return "\n".join(lines)


def pairs(rows: Iterable[tuple[str, Any]]) -> Table:
    """Return `name  value` lines, with the names set right and long values going on below."""
    found = Table.grid(padding=(0, 2, 0, 0))
    found.add_column(justify="right", min_width=12, style="cyan")
    found.add_column(no_wrap=True)
    width = shutil.get_terminal_size().columns - _NAMES if sys.stdout.isatty() else _LINE
    wrap = partial(textwrap.wrap, width=max(20, min(_LINE, width)), break_long_words=False, break_on_hyphens=False)
    for name, value in rows:
        found.add_row(short(name, 40), "\n".join(wrap(clean(value))))
    return found


def table(
    header: Sequence[str], rows: Iterable[Sequence[Any]], texts: Container[int] = (0,), most: int = WIDEST
) -> Table:
    """Return a table: of each cell `most` characters, the columns `texts` set left, the others right."""
    found = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at, name in enumerate(header):
        found.add_column(short(name), justify="left" if at in texts else "right", no_wrap=True)
    for row in rows:
        found.add_row(*(short(cell, most) for cell in row))
    return found


def shown(parts: list[Part], rows: int, most: int, more: str = "more") -> list[Part]:
    """Return a table that ends at `most` rows, and how many more there are."""
    return parts if rows <= most else [*parts, f"... and {rows - most} {more}"]


def some(names: Sequence[str], most: int) -> str:
    """Return names as a list that ends at `most` of them, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
