"""Peak memory of a piece of work, in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def clocked(work: Callable[[], Any]) -> float:
    """Return how long a piece of work takes, seconds of a clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def peak(work: Callable[[], Any]) -> float:
    """Return the most anonymous memory (RssAnon) that this process had while it worked, MB."""
    most, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            status = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii")
            most[0] = max(most[0], int(status.split("RssAnon:")[1].split()[0]))

    thread = threading.Thread(target=watch)
    thread.start()
    work()
    done.set()
    thread.join()
    return most[0] / 1024


def peak_of(prepare: Callable[..., Callable[[], Any]], *arguments: Any) -> float:
    """Return `peak` of what `prepare(*arguments)` returns, both called in a new process."""
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    process = spawn.Process(target=_measured, args=(queue, prepare, arguments))
    process.start()
    found: float = queue.get()
    process.join()
    return found


def _measured(queue: Any, prepare: Callable[..., Callable[[], Any]], arguments: tuple[Any, ...]) -> None:
    queue.put(peak(prepare(*arguments)))
