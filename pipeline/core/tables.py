"""Tables that people write: CSV files in any of their spellings, each mistake told with its file and line."""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pipeline.core.errors import CorpusError, did_you_mean
from pipeline.core.links import check_table


def text_of(path: Path, encoding: str = "utf-8") -> str:
    """Return a text, without its byte order mark; CorpusError where it is not UTF-8, or a link leads
    to it that is not followed.
    """
    check_table(path)
    try:
        return path.read_bytes().removeprefix(codecs.BOM_UTF8).decode(encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error


def read_rows(
    path: Path,
    required: tuple[str, ...],
    filled: tuple[str, ...] = (),
    encoding: str = "utf-8",
    cell: Callable[[str], str] = str.strip,
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield (file and line, cells by column) of a CSV file, separated by commas, semicolons or tabs.

    In the columns `filled` no cell may be empty, `cell` cleans each cell, and rows that are empty are skipped.
    CorpusError where the text is not UTF-8, a required column is missing, or a cell is empty.
    """
    text = text_of(path, encoding)
    header = text.split("\n", 1)[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=header.count))
    columns = [cell(name) for name in reader.fieldnames or ()]
    for name in required:
        if name not in columns:
            raise CorpusError(f"{path}:1: no column '{name}'{did_you_mean(name, columns)}")
    reader.fieldnames = columns
    try:
        for cells in reader:
            where, row = f"{path}:{reader.line_num}", {key: cell(cells.get(key) or "") for key in columns}
            empty = [key for key in filled if not row[key]]
            if empty and any(row.values()):
                raise CorpusError(f"{where}: '{empty[0]}' is empty; fill it in or remove the row")
            if any(row.values()):
                yield where, row
    except csv.Error as error:
        raise CorpusError(f"{path}:{reader.line_num}: not CSV ({error}); mend it") from error


def seconds(row: Mapping[str, str], column: str, where: str) -> float | None:
    """Return the time in a cell, s; None where it is empty, CorpusError where it is no time."""
    text = row.get(column, "")
    try:
        value = float(text) if text else 0.0
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise CorpusError(f"{where}: {column} '{text}' is not a number of seconds; mend it")
    return value if text else None
