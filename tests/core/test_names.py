"""Names of params.yaml: what may become a word of a shell command, and what is said of the rest."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.shipped import shipped
from pipeline.cli.settings.sections import NAMED
from pipeline.core.errors import SettingsError
from pipeline.core.names import SECTIONS, check_names, check_path, fault_of
from pipeline.core.settings import read_params

HOSTILE = ["x; touch y; true", "$(id)", "`id`", "a b", "a\nb", "a|b", "a&b", "../x", "-x", "--help", ".", "", "a'b",
           'a"b', "*", "~", "a\\b", "${item}", "a.b", "a/b", "a@b", "\u202eab", "a\u200bb", "x" * 101]  # fmt: skip


def test_the_sections_are_those_that_are_checked() -> None:
    assert set(SECTIONS) == set(NAMED)


@pytest.mark.parametrize("name", ["demo", "mine-v1", "2024", "0", "3dcnn", "_x", "größe", "2024-01-01", "x" * 100])
def test_names_that_may_pass(name: str) -> None:
    assert fault_of(name) == ""
    check_names({"corpora": {name: {}}})


@pytest.mark.parametrize("name", [*HOSTILE, "mine_v1.0", "my corpus", "08", "1e3", "1_0", "0x1F"])
def test_names_that_may_not(name: str) -> None:
    for section in ("corpora", "systems", "select", "fuse", "train", "degrade"):
        with pytest.raises(SettingsError) as caught:
            check_names({"runtime": {"a b": 1}, section: {"fine": {}, name: {}}})
        assert re.fullmatch(rf"params\.yaml: {section}\..*", str(caught.value))
        assert "\n" not in str(caught.value)
        assert "fine" not in str(caught.value)


@given(st.text())
def test_a_name_that_passes_is_one_word_in_a_shell(name: str) -> None:
    if not fault_of(name):
        assert shlex.split(f"stage --corpus {name} --out a/{name}.h5") == ["stage", "--corpus", name, "--out",
                                                                           f"a/{name}.h5"]  # fmt: skip
        assert shlex.quote(name) == name or not name.isascii()


@pytest.mark.parametrize(
    ("text", "kind"),
    [("2024", "number"), ("1.5", "number"), ("yes", "bool"), ("null", "NoneType"), ("2024-01-01", "date")],
)
def test_names_that_yaml_reads_as_something_else_ask_for_quotes(tmp_path: Path, text: str, kind: str) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(f"corpora:\n  {text}: {{root: a}}\n  my corpus: {{root: b}}\n")
    with pytest.raises(SettingsError) as caught:
        read_params(file)
    assert f"{kind}; put it in quotes" in str(caught.value)
    assert "corpora.'my corpus': a name has letters, digits, _ and - alone" in str(caught.value), "all at once"
    assert "call it my_corpus" in str(caught.value)
    file.write_text(f"corpora:\n  {text!r}: {{root: a}}\n")
    if re.fullmatch(r"[\w-]+", text):
        assert read_params(file) == {"corpora": {text: {"root": "a"}}}


def test_the_shipped_names_pass() -> None:
    check_names(shipped())


@pytest.mark.parametrize("path", ["-rf", "a\nb", "", 3, None, "a\x00b"])
def test_paths_that_are_no_word(path: object) -> None:
    with pytest.raises(SettingsError, match=r"^here: a path is text"):
        check_path(path, "here")


@pytest.mark.parametrize("value", [True, 3, ["lld147"], "lld147"])
def test_a_section_without_blocks_is_refused(value):
    with pytest.raises(SettingsError, match=r"^params\.yaml: generate: blocks by name belong there \(got "):
        check_names({"generate": value})
