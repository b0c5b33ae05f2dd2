"""Workers change neither results nor order, and a log holds no progress bars."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from pipeline.core.errors import ClipError
from pipeline.engine import parallel
from pipeline.engine.parallel import (
    SMALL_BYTES,
    Steps,
    ahead,
    in_threads,
    ordered_map,
    worker_count,
    workers_for,
)
from pipeline.runner.progress import progress


def square_slowly_at_first(number: int) -> int:
    """Make the first items the last to finish."""
    time.sleep(0.1 if number == 0 else 0)
    return number * number


def refuse_odd(number: int) -> int:
    """Fail for odd numbers, as bad input does."""
    if number % 2:
        raise ClipError("silent", f"clip {number}")
    return number


def process_of(_: int) -> int:
    """Say which process works."""
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_results_come_in_order_whatever_the_workers(workers: int, count: int) -> None:
    assert list(ordered_map(square_slowly_at_first, range(count), workers)) == [n * n for n in range(count)]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_arrives_whole(workers: int) -> None:
    with pytest.raises(ClipError) as caught:
        list(ordered_map(refuse_odd, [0, 2, 3, 4], workers))
    assert (caught.value.reason, caught.value.detail) == ("silent", "clip 3")


def double(number: int) -> int:
    """Be a first step."""
    return 2 * number


def minus(number: int, between: int) -> int:
    """Be a second step, quick on what comes late."""
    time.sleep(0.05 if number == 0 else 0)
    return between - number


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_two_steps_give_what_one_would(workers: int, count: int) -> None:
    assert list(ordered_map(Steps(double, minus), range(count), workers)) == list(range(count))


def test_the_next_first_step_runs_beside_the_second() -> None:
    """Each side waits for the other; without two threads neither would ever arrive."""
    meeting = threading.Barrier(2, timeout=20)

    def first(number: int) -> int:
        if number:
            meeting.wait()
        return number

    def second(number: int, between: int) -> int:
        if number < 3:
            meeting.wait()
        return between

    assert list(ordered_map(Steps(first, second), range(4), 1)) == [0, 1, 2, 3]


def test_an_item_that_kills_its_process_costs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """All workers are lost at once; then the items in hand are tried one by one."""
    calls: list[int] = []

    def dying(function: object, items: Sequence[int], *_: object, **__: object) -> Iterator[str]:
        calls.append(len(items))
        if len(calls) == 1:
            yield "first"
            raise BrokenProcessPool
        yield from ("rest" for _ in items)

    monkeypatch.setattr(parallel, "ordered_map", dying)
    monkeypatch.setattr(parallel, "_alone", lambda _, item, died: died(item) if item == 3 else "alone")
    done = list(parallel.surviving_map(str, range(12), 2, "", died=lambda item: f"{item} died"))
    assert done == ["first", "alone", "alone", "3 died", *["alone"] * 5, *["rest"] * 3]
    assert calls == [12, 3]


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_keep_the_order_take_no_more_than_they_can_hold_and_hand_errors_on(threads: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    found = in_threads(lambda number: 10 // (30 - number), items(), threads, count=4)
    for number in range(30):
        assert next(found) == 10 // (30 - number)
        assert len(taken) <= number + 6
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_ahead_makes_one_item_more_than_was_taken_and_hands_errors_on_in_turn() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(5):
            if number == 3:
                raise ClipError("silent", "as told")
            made.append(number)
            yield number

    items = ahead(numbers())
    assert next(items) == 0
    time.sleep(0.2)
    assert made == [0, 1]
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ClipError):
        next(items)


def test_ahead_makes_as_many_as_it_is_told() -> None:
    made: list[int] = []
    items = ahead((made.append(number) or number for number in range(9)), count=3)
    assert next(items) == 0
    time.sleep(0.2)
    assert made == [0, 1, 2, 3]
    assert list(items) == list(range(1, 9))
    assert list(ahead(range(2), count=5)) == [0, 1]


@pytest.mark.parametrize(("workers", "items", "here"), [(1, 4, True), (2, 4, False), (2, 1, True)])
def test_one_worker_or_one_item_stays_in_this_process(workers: int, items: int, here: bool) -> None:
    assert (os.getpid() in set(ordered_map(process_of, range(items), workers))) is here


@pytest.mark.parametrize(("workers", "expected"), [(1, 1), (7, 7), (0, len(os.sched_getaffinity(0)))])
def test_no_number_means_one_per_core(workers: int, expected: int) -> None:
    assert worker_count(workers) == expected


class Terminal(io.StringIO):
    """A stream that may say it is a terminal."""

    def __init__(self, answer: bool) -> None:
        super().__init__()
        self.answer = answer

    def isatty(self) -> bool:
        """Answer as told."""
        return self.answer


@pytest.mark.parametrize(("terminal", "step_s", "shown"), [(True, 2.0, True), (True, 0.1, False), (False, 2.0, False)])
def test_a_bar_is_shown_on_a_terminal_after_3_s(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, step_s: float, shown: bool
) -> None:
    clock = iter(n * step_s for n in range(10_000))
    monkeypatch.setattr("pipeline.runner.progress.time.monotonic", lambda: next(clock))
    monkeypatch.setattr(sys, "stderr", Terminal(terminal))
    assert list(progress(iter("abcdefgh"), 8, "extract:x", "clip")) == list("abcdefgh")
    text = sys.stderr.getvalue()
    assert ("extract:x" in text and "/8" in text) is shown
    assert shown or not text


def test_small_input_needs_one_process(tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x")
    with large.open("wb") as file:
        file.truncate(SMALL_BYTES)
    assert workers_for(0, small) == workers_for(2, small, small) == 1
    assert workers_for(2, small, large) == 2
    assert workers_for(0, large) == 0
