"""Clips on the workers of a Dask cluster: the same work, the same bytes.

Futures of `distributed` and not its backend for joblib, which waits for ever once a call fails while further ones are
held back (joblib 1.6; docs/decisions/0010). Workers read the corpus and the feature files and write the clip cache
under the same paths as this process, so they run in a project folder that all machines share. What a worker that is
killed had in hand, the scheduler gives to another one.
"""

from __future__ import annotations

import os
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pipeline.core.errors import SettingsError
from pipeline.core.numeric import LATE
from pipeline.core.settings import Runtime
from pipeline.engine.code_digest import code_digest

Item = TypeVar("Item")
Result = TypeVar("Result")
_TIMEOUT_S = 20
AHEAD = 4
"""Clips handed out per worker: as many wait on the scheduler for the slowest before them."""
_ENGINE = "pipeline.engine.run"
_REMEDY = (
    "start both in this project's folder: `env $(python -m pipeline environment) dask scheduler` and "
    "`env $(python -m pipeline environment) dask worker ADDRESS --nthreads 1` (docs/scale-out.md)"
)


class Surroundings(NamedTuple):
    """What has to be equal on every worker for equal bytes."""

    code: str
    folder: str
    cache: bool
    numeric: tuple[str, ...]
    threads: int


def surroundings(probe: Path, dask_worker: Any = None) -> Surroundings:
    """Return those of this process, or of the worker that Dask calls this on; `probe` is a file in the clip cache that
    the process which hands out the work has just written.
    """
    threads = dask_worker.state.nthreads if dask_worker else 1
    return Surroundings(code_digest(_ENGINE), os.getcwd(), probe.is_file(), LATE, threads)


def _differences(own: Surroundings, seen: Surroundings) -> str:
    """Return what is wrong with a worker, in words, or nothing."""
    words = {
        f"in {seen.folder} and not in {own.folder}": seen.folder != own.folder,
        "without this clip cache": not seen.cache,
        f"without {', '.join(seen.numeric)} in its environment": bool(seen.numeric),
        "with other code (it may only be older: restart it)": seen.code != own.code,
        f"with {seen.threads} threads": seen.threads != own.threads,
    }
    return ", ".join(word for word, wrong in words.items() if wrong)


def check_workers(client: Any, cache: Path) -> None:
    """Refuse a cluster without workers, or with one that would compute something else, or elsewhere."""
    cache.mkdir(parents=True, exist_ok=True)
    probe = cache / f".probe-{uuid.uuid4().hex}"
    probe.touch()
    try:
        client.run_on_scheduler(code_digest, _ENGINE)  # it unpacks what it hands on
        own, found = surroundings(probe), client.run(surroundings, probe)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"runtime.scheduler: the cluster does not find this project's code ({error}); {_REMEDY}"
        ) from error
    finally:
        probe.unlink()
    if not found:
        raise SettingsError(f"runtime.scheduler: {client.scheduler.address} has no worker; {_REMEDY}")
    for address, seen in sorted(found.items()):
        if words := _differences(own, seen):
            raise SettingsError(f"runtime.scheduler: worker {address} runs {words}; {_REMEDY}")


def on_dask(
    call: Callable[[Callable[[Item], Result], Item], Result],
    function: Callable[[Item], Result],
    items: Sequence[Item],
    runtime: Runtime,
) -> Iterator[Result]:
    """Yield `call(function, item)` in the order of `items`, computed by the workers of `runtime.scheduler`;
    `BrokenProcessPool` where one item cost several workers their life.
    """
    from distributed import Client, KilledWorker

    if not runtime.scheduler:
        raise SettingsError(
            "params.yaml: runtime.scheduler: this setting is missing; backend dask needs its address, tcp://host:port"
        )
    try:
        client = Client(runtime.scheduler, timeout=_TIMEOUT_S, set_as_default=False)
    except OSError as error:
        raise SettingsError(
            f"params.yaml: runtime.scheduler: no Dask scheduler answers at {runtime.scheduler}; start one "
            "with `dask scheduler`"
        ) from error
    with client:
        check_workers(client, Path(runtime.clip_cache))
        coming: deque[Any] = deque()
        try:
            for item in items:
                coming.append(client.submit(call, function, item, pure=False))
                workers = client.scheduler_info(n_workers=-1)["workers"]  # each time: they come and go
                if len(coming) > AHEAD * len(workers):
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()
        except KilledWorker as error:
            raise BrokenProcessPool(str(error)) from error
