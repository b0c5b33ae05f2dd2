"""Paths of tables: with slashes, inside the folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.core.errors import ClipError
from pipeline.core.paths import check_inside, with_slashes


def test_backslashes_are_separators_unless_a_file_is_named_so(tmp_path: Path) -> None:
    assert with_slashes("v\\a.mp4", tmp_path) == "v/a.mp4"
    assert with_slashes("./v//a.mp4", tmp_path) == "v/a.mp4"
    assert with_slashes("C:\\v\\a.mp4", tmp_path) == "C:\\v\\a.mp4"
    (tmp_path / "v\\a.mp4").touch()
    assert with_slashes("v\\a.mp4", tmp_path) == "v\\a.mp4"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/a.mp4", "absolute"),
        ("C:\\v\\a.mp4", "absolute"),
        ("d:/a.mp4", "absolute"),
        ("//server/share/a.mp4", "absolute"),
        ("../a.mp4", "leaves the corpus folder"),
        ("v/../../a.mp4", "leaves the corpus folder"),
        ("a\n.mp4", "has a line break"),
        ("a\udcff.mp4", "a character that cannot be seen"),
    ],
)
def test_what_is_not_inside(path: str, words: str) -> None:
    with pytest.raises(ClipError, match=f"^bad_path: .*{words}"):
        check_inside(path)


@pytest.mark.parametrize("path", ["a.mp4", "v/a..b.mp4", "a:b/c.mp4", "Jérôme/ж.mp4", "~/a.mp4"])
def test_what_is_inside(path: str) -> None:
    check_inside(path)
