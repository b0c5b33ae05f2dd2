"""Tables of the command line: what a cell holds is shown as it is, whatever a terminal or rich would make of it."""

from __future__ import annotations

import pytest

from pipeline.runner.layout import WHOLE, pairs, shown, table, text_of


def test_markup_in_data_is_text():
    odd = "[red]x[/red] [link=http://a]b[/link] :smile: [/]"
    text = text_of([odd, pairs([(odd[:40], odd)]), table([odd], [[odd]])])
    assert text.count(odd) == 4
    assert odd[:40] in text.splitlines()[1]


def test_no_character_steers_the_terminal(monkeypatch):
    odd = "a\x1b[31m\u202e\r\nb\x07"
    for forced in ("0", "1"):
        monkeypatch.setenv("FORCE_COLOR", forced)
        text = text_of([odd, pairs([(odd, odd)]), table([odd], [[odd]])])
        assert text.count(r"a\x1b[31m\u202e\r\nb\x07") == 5
        assert not set(text) & set("\u202e\r\x07")


def test_colour_is_for_who_asks(monkeypatch):
    parts = [pairs([("clips", 3)]), table(["clip"], [["c1"]])]
    assert "\x1b" not in text_of(parts)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[1mclip\x1b[0m" in text_of(parts)
    assert "\x1b[36m" in text_of(parts)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in text_of(parts)


def test_columns_line_up_and_nothing_is_left_out():
    lines = text_of([table(["name", "n"], [["喜び", 1], ["x" * 300, 22]], (0,), WHOLE)]).splitlines()
    assert lines == [f"name{'':296}   n", f"喜び{'':296}   1", f"{'x' * 300}  22"]
    assert text_of([table(["name"], [["x" * 300]])]).splitlines()[1] == "x" * 93 + "..."
    assert text_of([table(["a", "b"], [])]) == "a  b"


def test_long_values_go_on_below():
    lines = text_of([pairs([("words", "word " * 40), ("one", "x" * 200)])]).splitlines()
    assert [line[:14] for line in lines] == ["       words  ", " " * 14, "         one  "]
    assert max(map(len, lines[:2])) <= 14 + 140
    assert lines[2].endswith("x" * 200)


@pytest.mark.parametrize(("rows", "said"), [(3, []), (5, ["... and 2 more"])])
def test_what_is_left_out_is_counted(rows, said):
    assert shown([], rows, 3) == said
