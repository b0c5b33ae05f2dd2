"""Tables that people write: empty rows, empty cells, times, and what is no CSV; adapters test the rest."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipeline.core.errors import CorpusError
from pipeline.core.tables import each, read_rows, seconds


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
    with pytest.raises(CorpusError, match=r"table\.csv:2: a cell of more than 131,072 characters; mend it$"):
        list(read_rows(path, ("a",)))


@pytest.mark.parametrize(("text", "expected"), [("", None), ("0", 0.0), ("1.5", 1.5)])
def test_seconds(text: str, expected: float | None) -> None:
    assert seconds({"start": text}, "start", "x.csv:2") == expected
    assert seconds({}, "start", "x.csv:2") is None


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1,5", "0:01", "1_0"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(CorpusError, match=r"x\.csv:2: end '.*' is not a number of seconds; mend it"):
        seconds({"end": text}, "end", "x.csv:2")


HEAD = "id,path,who,note\n"


@pytest.mark.parametrize(
    "rows",
    [
        'a,1,x,ok\nb,2,y,"Wait, no\nc,3,z,ok\n',  # to the end
        'a,1,x,ok\nb,2,y,"Wait\nc,3,z,ok\nd,4,z,stop"\ne,5,z,ok\n',  # to the next quote
        'a,1,x,ok\nb,"2,y,ok\nc,3",z,ok\n',  # within two rows: one row of four cells
        'a,1,x,ok\nb,2,y,"no\r\nc,3,z,"so"\r\n',
        'a,1,x,ok\nb,2,y,"no\nc,3,z,"so" it is\n',
    ],
)
def test_a_quote_that_swallows_rows_is_named_where_it_opens(tmp_path: Path, rows: str) -> None:
    with pytest.raises(CorpusError, match=r"table\.csv:3: (a quote is opened here|text follows a closing quote)"):
        read_rows(table(tmp_path, HEAD + rows), ("id",))


@pytest.mark.parametrize(
    ("rows", "line", "note"),
    [
        ('a,1,x,"so\nit is"\nb,2,y,ok\n', 4, "so\nit is"),
        ('"a, b, c",1,x,"so\nit, is"\nb,2,y,ok\n', 4, "so\nit, is"),
        ('a,1,x,"He said ""no"", twice"\nb,2,y,ok\n', 3, 'He said "no", twice'),
        ('a, "1", x, "so, it is"\nb,2,y,ok\n', 3, "so, it is"),
        ('a,1,x,5" wide\nb,2,y,ok\n', 3, '5" wide'),
        ('a,1,x,"so\r\nit is"\r\nb,2,y,ok\r\n', 4, "so\r\nit is"),
        ("a,1,x,ok\rb,2,y,ok\r", 3, "ok"),
    ],
)
def test_cells_of_several_lines_are_read_and_lines_counted_as_an_editor_does(
    tmp_path: Path, rows: str, line: int, note: str
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes((HEAD + rows).encode())
    found = read_rows(path, ("id",))
    assert [row["id"][-1] for _, row in found][-1] == "b"
    assert found[-1][0] == f"{path}:{line}"
    assert found[0][1]["note"] == note


def test_rows_of_another_length_are_told_all_at_once(tmp_path: Path) -> None:
    path = table(tmp_path, HEAD + "a,1,x,ok\nb,Smith, John.mp4,y,ok\nc,3\nd,4,z,ok,\n,,\ne,5,z,ok\nf,6,,\n")
    with pytest.raises(CorpusError) as caught:
        read_rows(path, ("id",), ("who",))
    remedy = "mend the row, with a cell that holds a separator in quotes"
    assert str(caught.value) == (
        f"{path}:3: 5 cells, but the heading has 4; {remedy} (2 rows); {path}:4: 2 cells, but the heading has 4; "
        f"{remedy}; {path}:8: 'who' is empty; fill it in or remove the row"
    )


@pytest.mark.parametrize("first", ["sep=;\r\n", "SEP=;\n", '"sep=;"\n', "\ufeffsep=;\n", "sep=|\n", "sep=;,,\n"])
def test_the_line_by_which_excel_is_told_the_separator(tmp_path: Path, first: str) -> None:
    rows = "id;note\na;x, y\nb;\n".replace(";", "|" if "|" in first else ";")
    path = tmp_path / "table.csv"
    path.write_bytes((first + rows).encode())
    assert read_rows(path, ("id",)) == [
        (f"{path}:3", {"id": "a", "note": "x, y"}),
        (f"{path}:4", {"id": "b", "note": ""}),
    ]


@pytest.mark.parametrize("mark", ["\ufeff\ufeff", "\ufeff", '\ufeff"\ufeff', "\u200b"])
def test_marks_that_cannot_be_seen_are_no_part_of_the_heading(tmp_path: Path, mark: str) -> None:
    heading = "id,who\n" if '"' not in mark else 'id",who\n'
    assert read_rows(table(tmp_path, mark + heading + "a,x\n"), ("id",))[0][1] == {"id": "a", "who": "x"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"id,who\na,x\nb,J\xe9r\n", r"table\.csv:3: not UTF-8 \(.* at byte 14\); save it as UTF-8$"),
        ("id,who\na,x\n".encode("utf-16"), r"table\.csv: UTF-16, not UTF-8; save it as UTF-8$"),
        (b"id,who\na,x\0\n", r"table\.csv:2: holds a zero byte"),
        (b"id,who,id\na,x,b\n", r"table\.csv:1: column 'id' is there twice; rename or remove one of them$"),
        (b"\n\nid,whom\na,x\n", r"table\.csv:3: no column 'who' \(did you mean 'whom'\?\)$"),
    ],
)
def test_what_makes_a_table_unreadable(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "table.csv").write_bytes(data)
    with pytest.raises(CorpusError, match=message):
        read_rows(tmp_path / "table.csv", ("id", "who"))


def test_faults_of_many_rows_are_told_up_to_a_number_and_equal_ones_once(tmp_path: Path) -> None:
    rows = [(f"t.csv:{line}", {"n": str(line % 30)}) for line in range(60)]

    def read(where: str, row: dict[str, str]) -> str:
        raise CorpusError(f"{where}: '{row['n']}' is wrong")

    with pytest.raises(CorpusError, match=r"^t\.csv:0: '0' is wrong \(2 rows\); .*; and 10 more such faults$"):
        each(rows, read)
    assert each(rows, lambda _, row: row["n"])[31] == "1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:92\n", "a Git LFS pointer, not the table; run `git"),
        (b"<!DOCTYPE html><html><title>Sign in</title></html>", "an HTML page, not the table; download it again"),
        (b'[{"a": 1}]', "a JSON document, not the table; "),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "a gzip file, not the table; unpack it"),
        (
            b"PK\x03\x04\x14\0[Content_Types].xml\xff",
            "an Office document, not the table; save its sheet as CSV in UTF-8",
        ),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(99), "an Office document, not the table; save its sheet as CSV"),
    ],
)
def test_what_stands_in_for_a_table_is_named(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "table.csv").write_bytes(data)
    with pytest.raises(CorpusError) as caught:
        read_rows(tmp_path / "table.csv", ("a",))
    assert str(caught.value).startswith(f"{tmp_path / 'table.csv'}: {words}")


@pytest.mark.parametrize("closed", ["", '9,"'])
def test_a_quote_that_is_opened_in_a_long_table_is_told(tmp_path: Path, closed: str) -> None:
    rows = "".join(f"{i},some words\n" for i in range(20_000))
    with pytest.raises(
        CorpusError, match=r"table\.csv:3: a quote is opened here and not closed within \d+ lines; close"
    ):
        read_rows(table(tmp_path, f'a,b\n1,x\n2,"y\n{rows}{closed}'), ("a",))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ":1: an empty table; it should begin with the columns clip_id"),
        ("Clip_ID,b\n1,2\n", ":1: no column 'clip_id' (did you mean 'Clip_ID'?)"),
        ("clip id,b\n1,2\n", ":1: no column 'clip_id' (did you mean 'clip id'?)"),
        (
            "clip_id|b\n1|2\n",
            ":1: no column 'clip_id' (did you mean 'clip_id|b'?); separate cells by commas, below no other line",
        ),
    ],
)
def test_a_heading_of_another_kind_is_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CorpusError) as caught:
        read_rows(table(tmp_path, text), ("clip_id",))
    assert str(caught.value) == f"{tmp_path / 'table.csv'}{words}"


def test_the_line_by_which_excel_is_told_a_tab(tmp_path: Path) -> None:
    ((where, row),) = read_rows(table(tmp_path, "sep=\t\r\na\tb\r\n1\t2\r\n"), ("a", "b"))
    assert (where[-2:], row) == (":3", {"a": "1", "b": "2"})
