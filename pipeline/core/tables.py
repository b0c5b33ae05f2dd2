"""Tables that people write: CSV files in any of their spellings, each mistake told with its file and line.

The reader is strict, since what a table hides is missed in every result: a row has as many cells as the heading, a
quote that is opened is closed, and a heading names each column once. All faults of a table are told at once.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.foreign import HEAD, JSON, kind_of
from pipeline.core.links import check_table
from pipeline.core.spelling import plain, visible

R = TypeVar("R")
T = TypeVar("T")
Row = dict[str, str]
_SHOWN = 20
"""Faults that are told of one table."""
_SEPARATOR = re.compile(r'"?sep=(?P<separator>[^"\w])"?[,;\t]*', re.IGNORECASE)
"""The first line by which Excel is told the separator."""


def text_of(path: Path, encoding: str = "utf-8") -> str:
    """Return a text, without its byte order marks; CorpusError where it is not UTF-8 or stands in for another file, or
    a link leads to it that is not followed.
    """
    check_table(path)
    data = path.read_bytes()
    kind = kind_of(data[:HEAD])
    if kind and not (kind[0] == JSON and path.suffix.startswith(".json")):
        raise CorpusError(f"{path}: {kind[0]}, not the table; {kind[1]}")
    while data.startswith(codecs.BOM_UTF8):  # some editors write a second one
        data = data.removeprefix(codecs.BOM_UTF8)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise CorpusError(f"{path}: UTF-16, not UTF-8; save it as UTF-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"not UTF-8 ({error.reason} at byte {error.start})"
        raise CorpusError(f"{path}:{line}: {found}; save it as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise CorpusError(f"{path}:{line}: holds a zero byte, no character of a text; save it as UTF-8")
    return text


def refuse(faults: Mapping[str, Sequence[str]], remedy: str = "") -> None:
    """Raise one CorpusError that tells all faults, fault -> files and lines, and the remedy that they have in common;
    nothing where there are none.
    """
    told = [
        f"{places[0]}: {fault}" + (f" ({len(places)} rows)" if len(places) > 1 else "")
        for fault, places in faults.items()
    ]
    if told:
        more = [f"and {len(told) - _SHOWN} more such faults"] if len(told) > _SHOWN else []
        raise CorpusError("; ".join(told[:_SHOWN] + more + [remedy] * bool(remedy)))


def each(rows: Iterable[tuple[str, R]], read: Callable[[str, R], T]) -> list[T]:
    """Return what `read` makes of each (file and line, row); the CorpusErrors that it raises, all in one."""
    found, faults = [], dict[str, list[str]]()
    for where, row in rows:
        try:
            found.append(read(where, row))
        except CorpusError as error:
            faults.setdefault(str(error).removeprefix(f"{where}: "), []).append(where)
    refuse(faults)
    return found


def read_rows(
    path: Path,
    required: tuple[str, ...],
    filled: tuple[str, ...] = (),
    encoding: str = "utf-8",
    cell: Callable[[str], str] = str.strip,
) -> list[tuple[str, Row]]:
    """Return (file and line, cells by column) of a CSV file, separated by commas, semicolons or tabs, or by what a
    first line `sep=;` says.

    In the columns `filled` no cell may be empty, `cell` cleans each cell, and rows that are empty are skipped. The line
    is that of an editor; of a row with a line break in a cell it is the last.

    Raises:
        CorpusError: the text is not UTF-8, a required column is missing or one is there twice, a quote is never closed,
            or any rows have another number of cells than the heading, or an empty cell
    """
    records = _records(path, text_of(path, encoding))
    heading, names = next(records, (1, []))
    columns = _columns(f"{path}:{heading}", [visible(cell(name)) for name in names], required)
    rows, faults = [], dict[str, list[str]]()
    for line, cells in records:
        row = dict(zip(columns, map(cell, cells), strict=False))
        empty = [key for key in filled if not row.get(key)]
        if len(cells) != len(columns):
            found = f"{len(cells)} cells, but the heading has {len(columns)}"
            fault = f"{found}; mend the row, with a cell that holds a separator in quotes"
        elif empty:
            fault = f"'{empty[0]}' is empty; fill it in or remove the row"
        else:
            rows.append((f"{path}:{line}", row))
            continue
        faults.setdefault(fault, []).append(f"{path}:{line}")
    refuse(faults)
    return rows


def _columns(where: str, columns: list[str], required: Iterable[str]) -> list[str]:
    """Return the names of the columns as they came; CorpusError where one lacks, or stands there twice."""
    if not columns:
        raise CorpusError(f"{where}: an empty table; it should begin with the columns {', '.join(required)}")
    for name in required:
        if name not in columns:
            near = [column for column in columns if re.sub("[ -]", "_", plain(column)) == plain(name)]
            hint = f" (did you mean '{near[0]}'?)" if near else did_you_mean(name, columns)
            remedy = "; separate cells by commas, below no other line" if len(columns) == 1 else ""
            raise CorpusError(f"{where}: no column '{name}'{hint}{remedy}")
    for name in columns:
        if name and columns.count(name) > 1:
            raise CorpusError(f"{where}: column '{name}' is there twice; rename or remove one of them")
    return columns


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (last line, cells) of each record that is not empty, first of the heading."""
    lines = io.StringIO(text, newline="").readlines()  # ends of lines as an editor knows them, a lone \\r among them
    told = _SEPARATOR.fullmatch(lines[0].strip(" \r\n\ufeff")) if lines else None
    if told:
        lines[0] = "\n"
    heading = next((line for line in lines if line.strip()), "")
    separator = told["separator"] if told else max(",;\t", key=heading.count)
    reader, width = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True), 0
    while True:
        first = reader.line_num
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise CorpusError(f"{path}:{first + 1}: {_not_csv(error, reader.line_num - first)}") from error
        if cells is None:
            return
        _check_swallowed(f"{path}:{first + 1}", lines[first : reader.line_num], separator, width)
        if any(cell.strip() for cell in cells):
            width = width or len(cells)
            yield reader.line_num, cells


def _not_csv(error: csv.Error, lines: int) -> str:
    if "unexpected end of data" in str(error):
        return "a quote is opened here and never closed; close it, or remove it"
    if "field limit" in str(error):
        if lines == 1:
            return f"a cell of more than {csv.field_size_limit():,} characters; mend it"
        return f"a quote is opened here and not closed within {lines} lines; close it, or remove it"
    if "expected after" in str(error):
        where = f"{lines} lines below its opening" if lines > 1 else "in this line"
        return f"text follows a closing quote, {where}; close the quote that is open, and write one in a cell twice"
    return f"not CSV ({error}); mend it"


def _check_swallowed(where: str, lines: Sequence[str], separator: str, width: int) -> None:
    """Refuse a row whose quote is closed in another row: then each of its lines has the cells of a row."""
    whole = [next(csv.reader([line], delimiter=separator), []) for line in lines[1:]]
    if width and lines[0].count(separator) + 1 >= width and any(len(cells) >= width for cells in whole):
        lost = f"a quote is opened here and closed {len(whole)} lines below, so that other rows lie in one cell"
        raise CorpusError(f"{where}: {lost}; close it, or remove it")


def seconds(row: Mapping[str, str], column: str, where: str) -> float | None:
    """Return the time in a cell, s; None where it is empty, CorpusError where it is no time."""
    text = row.get(column, "")
    try:
        value = float(text) if text and "_" not in text else 0.0 if not text else math.nan
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise CorpusError(f"{where}: {column} '{text}' is not a number of seconds; mend it")
    return value if text else None
