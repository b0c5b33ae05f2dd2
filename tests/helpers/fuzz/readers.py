"""Read edited tables and damaged artifacts by the pipeline's own code: an answer, or one line that says what is wrong.

A table may be refused. Where it is read, every row that was not touched is read as it is without the edit: no row is
lost without a word, and none takes another's value.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from helpers.fuzz import Verdict
from helpers.fuzz.artifacts import Damaged
from helpers.fuzz.tables import Edited, Table, kind
from pipeline.core.errors import PipelineError
from pipeline.runner.console import error_line

LONGEST = 3000
"""Characters of an error: it is a line for a person."""


def judge_batch(
    inputs: Mapping[int, Edited | Damaged], work: Path, beat: Callable[[str], None], _: Any
) -> list[Verdict]:
    """Return the verdict on each input."""
    verdicts = []
    for number, one in inputs.items():
        beat(f"n{number}")
        folder = work / "table"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        outcome, words, wrong = judge(one, folder)
        verdicts.append(Verdict(number, one.rule, outcome, tuple(wrong), words))
    return verdicts


def judge(one: Edited | Damaged, folder: Path) -> tuple[str, str, list[str]]:
    """Return `read` or `refused`, what an error says, and what is wrong with it."""
    here = Path.cwd()
    os.chdir(folder)  # as a project's folder: params.yaml names folders below it
    try:
        return "read", "", _rows_lost(one, folder) if isinstance(one, Edited) else one.read(folder) or []
    except PipelineError as error:
        return "refused", str(error), _bad_error(str(error), folder, one)
    finally:
        os.chdir(here)


def _bad_error(text: str, folder: Path, one: Edited | Damaged) -> list[str]:
    wrong = []
    if len(error_line(text).splitlines()) != 1:
        wrong.append(f"an error of {len(text.splitlines())} lines")
    if len(text) > LONGEST:
        wrong.append(f"an error of {len(text)} characters")
    if re.search("[\x00-\x08\x0e-\x1b\x7f]", error_line(text)):
        wrong.append("an error with characters that a terminal obeys")
    name = Path(one.table.path if isinstance(one, Edited) else one.name).name
    if name not in text and str(folder) not in text:
        wrong.append("an error that names no file")
    return wrong


def _write(table: Table, data: bytes, folder: Path) -> None:
    for name, content in {**dict(table.others or {}), table.path: data}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _rows_lost(one: Edited, folder: Path) -> list[str]:
    _write(one.table, one.data, folder)
    found = one.table.read(folder)
    before = _before(one.rule.partition(":")[0], folder.parent / "before")
    touched = {one.table.key_of(row) for row in one.touched if len(one.table.rows[row]) > max(one.table.key)}
    kept = [key for key in before if key not in touched]
    lost = [key for key in kept if key not in found]
    changed = [key for key in kept if key in found and found[key] != before[key]]
    wrong = [f"{len(lost)} rows that were not touched are gone, such as '{lost[0]}'"] if lost else []
    if changed:
        wrong.append(f"row '{changed[0]}' was {before[changed[0]]}, is {found[changed[0]]}")
    return wrong


@cache
def _before(name: str, folder: Path) -> Mapping[str, Any]:
    shutil.rmtree(folder, ignore_errors=True)
    table = kind(name)
    _write(table, table.text([list(row) for row in table.rows]).encode(), folder)
    here = Path.cwd()
    os.chdir(folder)
    try:
        found = table.read(folder)
    finally:
        os.chdir(here)
    keys = {table.key_of(row) for row in range(table.heading, len(table.rows)) if len(table.rows[row]) > max(table.key)}
    assert not found or found.keys() == keys, f"{name}: {sorted(found)} of {sorted(keys)}"
    return found
