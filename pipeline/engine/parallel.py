"""Items in parallel, in worker processes, on a cluster or in threads; results come in order, the same bytes each way.

Each clip is computed by one process on one thread, so neither the floats nor the order depend on `workers`.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pipeline.core.settings import Runtime
from pipeline.runner.progress import progress

Item = TypeVar("Item")
Between = TypeVar("Between")
Result = TypeVar("Result")

PRE_DISPATCH = 2
"""Items handed out per worker, the one that it works on included."""
SMALL_BYTES = 32 << 20
"""Input below this is worked on in less time than it takes to start processes that import torch or scikit-learn."""
_SUSPECTS = 8
"""Items computed one by one after a worker has died; more rounds follow where it was none of them."""


def worker_count(workers: int) -> int:
    """Return how many processes to use: `workers`, or one per available core where it is 0."""
    return workers or len(os.sched_getaffinity(0))


def workers_for(workers: int, *files: Path) -> int:
    """Return `workers`, or 1 where all files together are small; only for work whose time goes by its input's size."""
    return 1 if sum(file.stat().st_size for file in files) < SMALL_BYTES else workers


def ahead(items: Iterable[Result], count: int = 1) -> Iterator[Result]:
    """Return the same items; a thread makes the next `count` while one is in use, the first at once.

    For what waits for a disk or a decoder, so that a network need not.
    """
    iterator, end = iter(items), object()
    thread = ThreadPoolExecutor(1)
    coming = deque(thread.submit(next, iterator, end) for _ in range(count))

    def taken() -> Iterator[Result]:
        with thread:
            while (item := coming.popleft().result()) is not end:
                coming.append(thread.submit(next, iterator, end))
                yield item  # type: ignore[misc]

    return taken()


def in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int, count: int = 16
) -> Iterator[Result]:
    """Yield `function(item)` of every item from some threads, `count` items in hand at most.

    For work that leaves the interpreter alone, and bears being called from several threads; items are taken here.
    """
    with ThreadPoolExecutor(threads) as pool:
        coming: deque[Any] = deque()
        for item in items:
            if len(coming) == count:
                yield coming.popleft().result()
            coming.append(pool.submit(function, item))
        while coming:
            yield coming.popleft().result()


_THREADS = {"cv2": ("getNumThreads", "setNumThreads"), "torch": ("get_num_threads", "set_num_threads")}


def _limit_threads() -> None:
    for name, (asked, limit) in _THREADS.items():
        module = sys.modules.get(name)
        if module is not None and getattr(module, asked)() != 1:  # OpenCV takes milliseconds to set the same again
            getattr(module, limit)(1)


def _one_thread(function: Callable[[Item], Result], item: Item) -> Result:
    _limit_threads()
    return function(item)


def _in_worker(function: Callable[[Item], Result], item: Item) -> Result:
    own = multiprocessing.parent_process() is not None and threading.current_thread() is threading.main_thread()
    if own:  # Ctrl-C in a terminal is for the process that hands out the work
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return _one_thread(function, item)


@dataclass(frozen=True)
class Steps(Generic[Item, Between, Result]):
    """Work in two steps; where there is one worker, the first step on the next item runs beside the second on this one.

    `first` reads and prepares, and never raises; `second` takes the item and what `first` returned.
    """

    first: Callable[[Item], Between]
    second: Callable[[Item, Between], Result]

    def __call__(self, item: Item) -> Result:
        """Take both steps."""
        return self.second(item, self.first(item))

    def in_turn(self, items: Sequence[Item]) -> Iterator[Result]:
        """Yield the result of every item."""
        for item, between in zip(items, ahead(self.first(item) for item in items), strict=True):
            _limit_threads()
            yield self.second(item, between)


def ordered_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    label: str = "",
    unit: str = "clip",
    cluster: Runtime | None = None,
) -> Iterator[Result]:
    """Yield `function(item)` in the order of `items`, with a progress bar.

    `BrokenProcessPool` where a worker dies over its item: killed for its memory, or by a crash in a library.

    Args:
        function: picklable; called in a worker process, or here where there is one worker; may be `Steps`
        items: what to work on
        workers: processes; 0 = one per core
        label: text before the bar
        unit: what is counted
        cluster: where its `backend` is dask, the work goes to the workers of its `scheduler`; None = here
    """
    jobs = min(worker_count(workers), max(1, len(items)))
    if cluster is not None and cluster.backend == "dask" and items:
        from pipeline.engine.cluster import on_dask

        results: Iterable[Result] = on_dask(_in_worker, function, items, cluster)
    elif jobs == 1:
        one_by_one = (_one_thread(function, item) for item in items)
        results = function.in_turn(items) if isinstance(function, Steps) else one_by_one
    else:
        from joblib import Parallel, delayed

        pool = Parallel(jobs, "loky", "generator", pre_dispatch=f"{PRE_DISPATCH}*n_jobs", batch_size=1)
        results = pool(delayed(_in_worker)(function, item) for item in items)
    yield from progress(results, len(items), label, unit)


def surviving_map(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    label: str,
    died: Callable[[Item], Result],
    cluster: Runtime | None = None,
) -> Iterator[Result]:
    """Yield what `ordered_map` does, and `died(item)` of one over which its process dies; the others lose nothing."""
    done = 0
    while done < len(items):
        try:
            for result in ordered_map(function, items[done:], workers, label, cluster=cluster):
                yield result
                done += 1
        except BrokenProcessPool:  # over one of the items that were in hand
            for item in items[done : done + _SUSPECTS]:
                yield _alone(function, item, died)
                done += 1


def _alone(function: Callable[[Item], Result], item: Item, died: Callable[[Item], Result]) -> Result:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_in_worker, function, item).result()
        except BrokenProcessPool:
            return died(item)
