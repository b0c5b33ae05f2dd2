"""Edits of a table: of a cell, of rows, of its bytes, of its spelling."""

from __future__ import annotations

from collections.abc import Callable

from helpers.fuzz.table import Rng, Table

ODD = (
    "", " ", '"', 'say "no', '"open', "a,b", "a;b", "a\tb", "a\nb", "a\r\nb", "a\rb", "\0", "﻿x", "\u00a0", "\u200b",
    "nan", "NaN", "inf", "-1", "1e999", "1,5", "1.5", "007", "0", "٣", "½", "=1+1", "../x", "../../etc/passwd",
    "/etc/passwd", "C:\\clips\\x.wav", "a\\b", "~", "CON", "x" * 300, "x" * 140_000, "😀", "A\u030a", "\u202etxt",
    "None", "null", "true", "[]", "{}", "[1, 2]", "{a: 1}", "!!python/object:os.system", "*x", "&x y", "- x", "#", "'",
    "${x}", "$(x)", "x; touch y; true", "%s", "\ud800", "\x1b[31m", "1" * 5000, "0x10", "1_000", "1e-400", "-0.0",
)  # fmt: skip

Edit = tuple[bytes, frozenset[int], str]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _place(rng: Rng, table: Table, heading: bool = True) -> tuple[list[list[str]], int, int]:
    rows = [list(row) for row in table.rows]
    row = int(rng.integers(0 if heading else table.heading, len(rows)))
    return rows, row, int(rng.integers(0, len(rows[row])))


def _around(table: Table, *rows: int) -> frozenset[int]:
    """Return what an edit of some rows touches: them, and all of them that have a key in common with them."""
    keys = {table.key_of(row) for row in rows if row >= table.heading and len(table.rows[row]) > max(table.key)}
    every = range(len(table.rows))
    if any(row < table.heading for row in rows):
        return frozenset(every)
    return frozenset(rows) | {
        row for row in every if len(table.rows[row]) > max(table.key) and table.key_of(row) in keys
    }


def _cell(rng: Rng, table: Table) -> Edit:
    """Another value, written as a program would write it."""
    rows, row, column = _place(rng, table)
    odd = ODD[int(rng.integers(0, len(ODD)))]
    rows[row][column] = odd
    return _bytes(table.text(rows)), _around(table, row), f"cell {row},{column} {odd[:20]!r}"


def _raw_cell(rng: Rng, table: Table) -> Edit:
    """Another value, typed in without quotes: it may open a quote, or make another cell or row."""
    rows, row, column = _place(rng, table)
    odd = ODD[int(rng.integers(0, len(ODD)))]
    rows[row][column] = "\ue000"
    text = table.text(rows).replace("\ue000", odd)
    return _bytes(text), _around(table, row), f"raw cell {row},{column} {odd[:20]!r}"


def _fewer(rng: Rng, table: Table) -> Edit:
    rows, row, column = _place(rng, table)
    del rows[row][column]
    return _bytes(table.text(rows)), _around(table, row), f"without cell {row},{column}"


def _more(rng: Rng, table: Table) -> Edit:
    rows, row, column = _place(rng, table)
    rows[row].insert(column, "more")
    return _bytes(table.text(rows)), _around(table, row), f"one more cell {row},{column}"


def _swapped(rng: Rng, table: Table) -> Edit:
    rows, row, column = _place(rng, table)
    other = int(rng.integers(0, len(rows[row])))
    rows[row][column], rows[row][other] = rows[row][other], rows[row][column]
    return _bytes(table.text(rows)), _around(table, row), f"cells {row},{column} and {other} change places"


def _repeated(rng: Rng, table: Table) -> Edit:
    rows, row, _ = _place(rng, table)
    rows.insert(int(rng.integers(0, len(rows))), rows[row])
    return _bytes(table.text(rows)), _around(table, row), f"row {row} twice"


def _removed(rng: Rng, table: Table) -> Edit:
    rows, row, _ = _place(rng, table)
    del rows[row]
    return _bytes(table.text(rows)), _around(table, row), f"without row {row}"


def _copied(rng: Rng, table: Table) -> Edit:
    """A cell of one row in another row."""
    rows, row, column = _place(rng, table, heading=False)
    other = int(rng.integers(table.heading, len(rows)))
    if column < len(rows[other]):
        rows[row][column] = rows[other][column]
    return _bytes(table.text(rows)), _around(table, row, other), f"cell {row},{column} from row {other}"


def _flipped(rng: Rng, table: Table) -> Edit:
    data = bytearray(_bytes(table.text([list(row) for row in table.rows])))
    at = int(rng.integers(0, len(data)))
    data[at] ^= 1 << int(rng.integers(0, 8))
    row = data[:at].count(b"\n")
    return bytes(data), _around(table, row, min(row + 1, len(table.rows) - 1)), f"a bit of byte {at}"


def _cut(rng: Rng, table: Table) -> Edit:
    """The end is missing: a copy that stopped. Rows behind are gone, and nobody can know."""
    data = _bytes(table.text([list(row) for row in table.rows]))
    at = int(rng.integers(0, len(data)))
    return data[:at], _around(table, *range(data[:at].count(b"\n"), len(table.rows))), f"cut at byte {at}"


def _spelled(rng: Rng, table: Table) -> Edit:
    """The same table in another encoding, with other ends of lines, or with marks in front."""
    text = table.text([list(row) for row in table.rows])
    ways: list[tuple[str, bytes]] = [
        ("utf-16", text.encode("utf-16")), ("CRLF", _bytes(text.replace("\n", "\r\n"))),
        ("CR", _bytes(text.replace("\n", "\r"))), ("BOM", _bytes("\ufeff" + text)),
        ("two BOMs", _bytes("\ufeff\ufeff" + text)), ("sep=", _bytes("sep=,\n" + text)),
        ("blank lines", _bytes(text.replace("\n", "\n\n"))), ("no last line end", _bytes(text.rstrip("\n"))),
        ("NUL behind", _bytes(text) + b"\0\0"), ("^Z behind", _bytes(text) + b"\x1a"), ("twice", _bytes(text + text)),
    ]  # fmt: skip
    words, data = ways[int(rng.integers(0, len(ways)))]
    return data, frozenset(), words


EDITS: dict[str, Callable[[Rng, Table], Edit]] = {
    edit.__name__: edit
    for edit in (_cell, _raw_cell, _fewer, _more, _swapped, _repeated, _removed, _copied, _flipped, _cut, _spelled)
}
SHARES = (6, 6, 2, 2, 2, 1, 1, 2, 3, 1, 2)
