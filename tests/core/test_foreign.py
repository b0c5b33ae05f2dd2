"""What stands in the place of another file is known by its first bytes; texts of all kinds and media are not taken for
it.
"""

from __future__ import annotations

import time

import pytest

from pipeline.core.foreign import HEAD, kind_of, text_of_head


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"clip_id,path,speaker,emotion\nc1,a.wav,s1,sad\n",
        b'"clip_id","path"\n"c1","a.wav"\n',
        b"file,emotion\nfile 1,sad\n",
        b"sep=;\nid;path\n",
        b"001 angry\n002 happy\n",
        b"# made by hand\nid,path\n",
        b"[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 2.5]\n",
        b"name: mini\nsource: x\nusage: research\ntables: {}\n",
        "имя;путь\n".encode(),
        b"\x47\x40\x00\x10" * 50,
        b"\0\0\0\x18ftypmp42",
        b"RIFF\x24\0\0\0WAVEfmt ",
        b"\xff\xfb\x90\x64" * 50,
    ],
)
def test_tables_texts_and_media_are_none_of_them(data: bytes) -> None:
    assert kind_of(data) is None


@pytest.mark.parametrize("data", [b"a: x\n" * HEAD, b"<" * HEAD, b"# x\n" * HEAD, b"REM x\n" * HEAD, b"<!--" * HEAD])
def test_no_beginning_takes_long(data: bytes) -> None:
    begin = time.monotonic()
    kind_of(data[:HEAD])
    assert time.monotonic() - begin < 0.5


def test_bytes_are_a_text_only_where_most_of_them_are_letters() -> None:
    assert text_of_head(b"caf\xe9 au lait") == "caf\ufffd au lait"
    assert text_of_head(b"\xff\xfe\xfd\xfc" * 9) is None
