"""The fuzzer itself: what it has to see is seen, and an input comes back by its number."""

from __future__ import annotations

import os
import signal
import time

import numpy as np
import pytest

from helpers.fuzz import Verdict, chance, forks, media, readers, tables
from helpers.fuzz.clips import Found, lies
from helpers.fuzz.forks import forked
from helpers.fuzz.run import kind_of, table
from pipeline.core.ledger import Entry, lost


def test_a_fork_gives_back_what_it_found_and_says_where_it_is(tmp_path):
    def work(beat):
        beat("n1")
        beat("n2")
        return [Verdict(2, "cut", "failed")]

    assert forked(work, tmp_path) == forks.Ended([Verdict(2, "cut", "failed")], at="n2")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "ended by SIGKILL"),
        (lambda: np.ones(1 << 40), "MemoryError"),
        (lambda: time.sleep(9), "hangs"),
    ],
)
def test_a_fork_that_fails_dies_or_hangs_is_seen(tmp_path, monkeypatch, fault, words):
    monkeypatch.setattr(forks, "WAIT_S", 0.4)

    def work(beat):
        beat("n7")
        fault()

    ended = forked(work, tmp_path)
    assert words in ended.failure
    assert (ended.at, ended.result) == ("n7", None)


def test_a_loop_without_end_costs_seconds_of_a_processor(tmp_path, monkeypatch):
    monkeypatch.setattr(forks, "HANG_S", 0.2)

    def work(beat):
        while True:
            pass

    assert "hangs" in forked(work, tmp_path).failure


def test_what_is_printed_is_seen(tmp_path):
    assert forked(lambda beat: os.write(2, b"warning\n") and None, tmp_path).printed == "warning\n"


@pytest.mark.parametrize("make", [media.make, tables.make])
def test_an_input_comes_back_by_its_number(make):
    for number in (3, 4):
        first, again = (make(chance(0, number)) for _ in range(2))
        assert (first.rule, first.data) == (again.rule, again.data)
    assert make(chance(0, 3)).data != make(chance(1, 3)).data or make(chance(0, 4)).data != make(chance(1, 4)).data


def test_few_inputs_hold_all_kinds():
    assert {kind_of(number) for number in range(6)} == {"clips", "tables", "artifacts"}


def clip(**changes) -> media.Input:
    """Return a clip of sound; called by tests alone, since its material takes a second."""
    return media.Input(**{"suffix": ".wav", "data": media.base(".wav").data, "picture": None, **changes})


def found(sound: Found) -> dict[str, Found]:
    return {"sound": sound, "picture": Found(lost("n1", "track_faces", "no_video"))}


OK = Entry("n1", "extract:mfcc39")
DEGRADED = Entry("n1", "extract:mfcc39", "degraded", "decode_error", "1.3 s declared, 0.5 s decoded")


@pytest.mark.parametrize(
    ("changes", "sound", "words"),
    [
        ({"whole": True}, Found(OK, end=1.28), ""),
        ({"whole": True}, Found(OK, end=0.9), "0.90 s of 1.28 s"),
        ({"whole": True}, Found(lost("n1", "x", "silent")), "of a whole clip"),
        ({}, Found(OK, end=0.5), "declared 1.28 s"),
        ({}, Found(DEGRADED, end=0.5), ""),
        ({}, Found(lost("n1", "x", "no_audio")), "absent, but the file has such a stream"),
        ({"sound": None}, Found(OK, end=1.28), "of a file without any"),
        ({"whole": True, "start": 0.5, "end": 3.0}, Found(OK, end=0.78), "after the end"),
        ({"whole": True, "start": 2.0, "end": 3.0}, Found(DEGRADED, end=0.5), "begins at 2.0 s, after the end"),
        ({"whole": True, "start": 0.5, "end": 1.0}, Found(OK, end=0.5), ""),
        ({}, Found(lost("n1", "x", "decode_error", "a\nb")), "line break"),
    ],
)
def test_a_lie_of_the_ledger_is_seen(tmp_path, changes, sound, words):
    one = clip(**changes)
    path = tmp_path / "n1.wav"
    path.write_bytes(one.data)
    wrong = "; ".join(lies(one, found(sound), path))
    assert words in wrong
    assert bool(wrong) == bool(words)


def test_a_row_that_is_lost_or_changed_without_a_word_is_seen(tmp_path):
    whole = tables.kind("splits")
    rows = [list(row) for row in whole.rows]
    fewer = whole.text(rows[:5] + rows[6:]).encode()
    other = whole.text([*rows[:5], [*rows[5][:2], "train"], *rows[6:]]).encode()
    folder = tmp_path / "table"
    folder.mkdir()
    for data, words in ((fewer, "are gone, such as 'fold-00|clip_4'"), (other, "was val, is train")):
        seen = readers.judge(tables.Edited("splits: x", whole, data, frozenset({1})), folder)[2]
        assert words in seen[0]
        assert readers.judge(tables.Edited("splits: x", whole, data, frozenset({5})), folder)[2] == []


def test_the_table_has_a_row_for_each_rule_and_a_sum():
    lines = table([Verdict(0, "cut", "failed"), Verdict(1, "layout: 5.1, FC", "ok", ("x",))]).splitlines()
    assert lines[2:] == [
        "| cut | 1 | 0 | 0 | 0 | 1 | 0 | 0 | 0 |",
        "| layout | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 1 |",
        "| all | 2 | 1 | 0 | 0 | 1 | 0 | 0 | 1 |",
    ]
