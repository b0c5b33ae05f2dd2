"""What an error says is one line for a person: nothing that a terminal obeys, and no page-long cell."""

from __future__ import annotations

import pytest

from pipeline.core.errors import CorpusError, LeakageError, PipelineError
from pipeline.runner.console import error_line


def test_a_terminal_obeys_nothing_of_it():
    told = str(CorpusError("m.csv:8: '\x1b[31m\x07\u202egnp.' is not a number; mend it"))
    assert told == r"m.csv:8: '\x1b[31m\x07\u202egnp.' is not a number; mend it"
    assert error_line(told).isprintable()


def test_the_middle_of_a_long_cell_is_left_out():
    cell = "b" * 90 + " " * 10 + "m" * 4000 + "e" * 50
    told = str(CorpusError(f"m.csv:8: unknown label '{cell}' (did you mean 'sad'?); mend it"))
    assert (
        told == f"m.csv:8: unknown label '{cell[:100]}...{'e' * 50}' (4150 characters) (did you mean 'sad'?); mend it"
    )


@pytest.mark.parametrize("between", [", ", " (known: ", "; "])
def test_words_between_two_quoted_ones_are_shown_whole(between):
    told = f"x: '{'a' * 299}'{between}{'a word ' * 60}'b' and 'c'; mend it"
    assert str(LeakageError(told)) == told


def test_letters_of_all_scripts_and_lines_stay():
    assert str(PipelineError("喜び.csv: 'é ß'\nmend it")) == "喜び.csv: 'é ß'\nmend it"
