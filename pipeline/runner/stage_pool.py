"""Processes that each run one stage at a time by DVC, on their share of the cores."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, NamedTuple

from pipeline.runner.dvc_log import heard
from pipeline.runner.lock_writer import read_once, write_whole
from pipeline.runner.stage_client import hand_over

if TYPE_CHECKING:
    from typing import Self


class Done(NamedTuple):
    """What became of one stage: its name, DVC's exit code, what was printed, and how long it took in s."""

    name: str
    code: int
    printed: str
    seconds: float


_stop: Event | None = None
"""In a process of the pool: set once nothing further shall begin."""
_hears = True
"""In a process of the pool: whether Ctrl-C means anything; it does not in the background of a script, or under nohup.
"""


def _begin_worker(stop: Event, hears: bool, server: str) -> None:
    global _stop, _hears
    _stop, _hears = stop, hears
    _on_ctrl_c(_wait_on)
    write_whole(read_once())
    if server:
        hand_over(server, hears)


def _on_ctrl_c(handler: Callable[..., object]) -> None:
    if _hears:
        signal.signal(signal.SIGINT, handler)


def _wait_on(*_: object) -> None:
    """Do nothing at Ctrl-C, which is for the stage and for the process that hands out the work."""


def run_stage(name: str, cores: frozenset[int]) -> Done:
    """Run one stage by DVC in this process, on some of the cores; its output is held back, so that two do not mix."""
    if _stop is not None and _stop.is_set():
        return Done(name, 1, "", 0.0)
    begin = time.monotonic()
    os.sched_setaffinity(0, cores)  # a stage starts as many processes as it has cores
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1), os.dup(2)
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        _on_ctrl_c(signal.default_int_handler)  # DVC and the stage each have their own way to end
        try:
            code, _ = by_dvc(["--wait-for-lock", "repro", "--single-item", name])
        finally:
            _on_ctrl_c(_wait_on)
            sys.stdout.flush()
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)
        file.seek(0)
        return Done(name, code, file.read().decode(errors="replace").strip(), time.monotonic() - begin)


def shares(cores: Iterable[int], jobs: int) -> list[frozenset[int]]:
    """Deal the cores to `jobs` stages, evenly; where there are fewer cores than stages, some share one."""
    ordered = sorted(cores)
    return [frozenset(ordered[number::jobs] or [ordered[number % len(ordered)]]) for number in range(jobs)]


class Pool:
    """Processes that each run one stage at a time on their share of the cores; a context manager waits for them."""

    def __init__(self, jobs: int, server: str = "") -> None:
        context = multiprocessing.get_context("spawn")
        self._cores = frozenset(os.sched_getaffinity(0))
        self._stop = context.Event()
        hears = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        self._pool = ProcessPoolExecutor(jobs, context, _begin_worker, (self._stop, hears, server))
        self._running: dict[Future[Done], frozenset[int]] = {}
        self.free = shares(self._cores, jobs)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)

    def __len__(self) -> int:
        return len(self._running)

    def begin(self, name: str, alone: bool) -> None:
        """Start a stage; with `alone`, on all cores."""
        share = self.free.pop()
        heard = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a new process inherits it, until it can take care itself
        future = self._pool.submit(run_stage, name, self._cores if alone else share)
        signal.signal(signal.SIGINT, heard)
        self._running[future] = share

    def ended(self) -> Iterator[Done]:
        """Wait until a stage ends and yield what became of it, or of several."""
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            self.free.append(self._running.pop(future))
            yield future.result()


def by_dvc(words: list[str]) -> tuple[int, bool]:
    """Run one command of DVC in this process, and return its exit code and whether a stage heard Ctrl-C."""
    from dvc.cli import main

    with heard() as found:
        code: int = main(words)
    if found.told:
        print(f"error: {found.told}", file=sys.stderr, flush=True)
    return code, found.interrupted
