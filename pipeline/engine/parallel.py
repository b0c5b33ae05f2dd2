"""Clips in parallel by joblib, here or on a cluster, with the same bytes whatever the number of workers.

Each clip is computed by one process on one thread, so neither the floats nor the order depend on `workers`.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Generic, TypeVar

from pipeline.core.settings import Runtime
from pipeline.engine.threads import ahead
from pipeline.engine.workers import WorkerLost, worker_count
from pipeline.runner.progress import progress

Item = TypeVar("Item")
Between = TypeVar("Between")
Result = TypeVar("Result")


def alone(function: Callable[[Item], Result], item: Item) -> Result:
    """Return `function(item)` from a process that does nothing else.

    Raises:
        WorkerLost: it died
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(_in_worker, function, item).result()
        except BrokenProcessPool as error:
            raise WorkerLost from error


def _limit_threads() -> None:
    if "cv2" in sys.modules:
        sys.modules["cv2"].setNumThreads(1)
    if "torch" in sys.modules and sys.modules["torch"].get_num_threads() != 1:
        sys.modules["torch"].set_num_threads(1)


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

    Attributes:
        first: reads and prepares, never raises
        second: takes the item and what `first` returned
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

    Args:
        function: picklable; called in a worker process, or here where there is one worker; may be `Steps`
        items: what to work on
        workers: processes; 0 = one per core
        label: text before the bar
        unit: what is counted
        cluster: where its `backend` is dask, the work goes to the workers of its `scheduler`; None = here

    Raises:
        WorkerLost: a worker died; on a cluster, several over one item
    """
    jobs = min(worker_count(workers), max(1, len(items)))
    if cluster is not None and cluster.backend == "dask" and items:
        from pipeline.engine.cluster import on_dask

        results: Iterable[Result] = on_dask(_in_worker, function, items, cluster)
    elif jobs == 1:
        one_by_one = (_one_thread(function, item) for item in items)
        results = function.in_turn(items) if isinstance(function, Steps) else one_by_one
    else:
        results = _on_processes(function, items, jobs)
    yield from progress(results, len(items), label, unit)


PRE_DISPATCH = 2
"""Items handed out per worker, the one that it works on included."""


def _on_processes(function: Callable[[Item], Result], items: Sequence[Item], jobs: int) -> Iterator[Result]:
    from joblib import Parallel, delayed

    pool = Parallel(
        n_jobs=jobs, backend="loky", return_as="generator", pre_dispatch=f"{PRE_DISPATCH}*n_jobs", batch_size=1
    )
    try:
        yield from pool(delayed(_in_worker)(function, item) for item in items)
    except BrokenProcessPool as error:  # loky's own is one of these
        raise WorkerLost from error
