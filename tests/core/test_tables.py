"""Tables that people write: empty rows, empty cells, times, and what is no CSV; adapters test the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.core.tables import read_rows, seconds


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_empty_rows_are_skipped_and_lines_still_counted(tmp_path: Path) -> None:
    path = table(tmp_path, "a;b\n;\n 1 ; x \n\n ;  \n;y\n")
    assert list(read_rows(path, ("a",))) == [(f"{path}:3", {"a": "1", "b": "x"}), (f"{path}:6", {"a": "", "b": "y"})]
    with pytest.raises(CorpusError, match=r"table\.csv:6: 'a' is empty; fill it in or remove the row"):
        list(read_rows(path, ("a",), ("a",)))


def test_what_is_no_csv_is_named_with_its_line(tmp_path: Path) -> None:
    path = table(tmp_path, "a,b\n1," + "x" * 200_000 + "\n")
    with pytest.raises(CorpusError, match=r"table\.csv:\d: not CSV \(field larger than field limit .*\); mend it"):
        list(read_rows(path, ("a",)))


@pytest.mark.parametrize(("text", "expected"), [("", None), ("0", 0.0), ("1.5", 1.5)])
def test_seconds(text: str, expected: float | None) -> None:
    assert seconds({"start": text}, "start", "x.csv:2") == expected
    assert seconds({}, "start", "x.csv:2") is None


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1,5", "0:01"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(CorpusError, match=r"x\.csv:2: end '.*' is not a number of seconds; mend it"):
        seconds({"end": text}, "end", "x.csv:2")
