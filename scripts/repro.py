"""Run the stages that are out of date, several at a time: `python scripts/repro.py [--jobs N] [TARGET ...]`.

`dvc repro` runs one stage after the other. Here N processes each run `dvc repro --single-item` on one instance at a
time, as soon as everything that it rests on is done; those that most others wait for come first. What has to run, what
the run-cache holds and what is written to dvc.lock is DVC's business alone, and at the end plain `dvc repro` looks over
the whole. With --jobs 1 that is all there is. The results do not depend on N.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import NamedTuple


class Done(NamedTuple):
    """What became of one stage: its name, DVC's exit code, what was printed, and how long it took in s."""

    name: str
    code: int
    printed: str
    seconds: float


Graph = Mapping[str, frozenset[str]]
"""Stage -> the stages whose outputs it reads."""


def stale_graph(targets: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the stages that have to run, or that rest on one that has, among the targets and what they rest on."""
    from dvc.repo import Repo
    from networkx import descendants

    with Repo() as repo:
        graph = repo.index.graph  # edges point from a stage to what it rests on
        wanted = {stage for target in targets for stage in repo.stage.collect(target)} if targets else set(graph)
        wanted |= {below for stage in wanted for below in descendants(graph, stage)}
        changed = set(repo.status(targets=list(targets) or None, with_deps=True))
        names = {stage: stage.addressing for stage in wanted}
        below = {stage: descendants(graph, stage) for stage in wanted}
        stale = {stage for stage in wanted if any(names[one] in changed for one in (stage, *below[stage]))}
        return {names[stage]: frozenset(names[one] for one in graph.successors(stage) if one in stale) for stage in stale}


def most_awaited(graph: Graph) -> list[str]:
    """Return the stages, those first that most others wait for, directly or not."""
    waiting: dict[str, set[str]] = {name: set() for name in graph}
    for name in graph:
        todo = list(graph[name])
        while todo:
            below = todo.pop()
            if name not in waiting[below]:
                waiting[below].add(name)
                todo += graph[below]
    return sorted(graph, key=lambda name: (-len(waiting[name]), name))


def run_stage(name: str, cores: frozenset[int]) -> Done:
    """Run one stage by DVC in this process, on some of the cores; what it prints is kept back, so that two do not mix."""
    from dvc.cli import main

    begin = time.monotonic()
    os.sched_setaffinity(0, cores)  # a stage starts as many processes as it has cores
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1), os.dup(2)
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            code = main(["--wait-for-lock", "repro", "--single-item", name])
        finally:
            sys.stdout.flush()
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)
        file.seek(0)
        return Done(name, code, file.read().decode(errors="replace").strip(), time.monotonic() - begin)


def _begin_worker() -> None:
    # Ctrl-C reaches the stage itself, which ends with its own message. A handler that does nothing is, unlike an ignored
    # signal, not handed on to the stage.
    signal.signal(signal.SIGINT, lambda *_: None)


def shares(cores: Iterable[int], jobs: int) -> list[frozenset[int]]:
    """Deal the cores to `jobs` stages, evenly; where there are fewer cores than stages, some share one."""
    ordered = sorted(cores)
    return [frozenset(ordered[number::jobs] or [ordered[number % len(ordered)]]) for number in range(jobs)]


def run_all(graph: Graph, jobs: int) -> bool:
    """Run the stages of a graph, `jobs` at a time; return whether all of them succeeded.

    After a failure no further stage begins; those under way are waited for.
    """
    todo, finished, failed = most_awaited(graph), set[str](), False
    cores = frozenset(os.sched_getaffinity(0))
    free = shares(cores, jobs)
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker) as pool:
        running: dict[Future[Done], frozenset[int]] = {}
        while True:
            ready = [] if failed else [name for name in todo if graph[name] <= finished]
            alone = len(ready) + len(running) == 1
            for name in ready[: len(free)]:
                share = free.pop()
                running[pool.submit(run_stage, name, cores if alone else share)] = share
                todo.remove(name)
            if not running:
                return not failed
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                free.append(running.pop(future))
                done = future.result()
                finished.add(done.name)
                failed |= done.code != 0
                print(f"{done.printed}\n[{len(finished)} of {len(graph)}] {done.name}: {done.seconds:.0f} s\n", flush=True)


def main(argv: Iterable[str] | None = None) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="stages at a time")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="as for `dvc repro`; default: all")
    args = parser.parse_args(None if argv is None else list(argv))
    if args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: at least 1 stage at a time")
    try:
        if args.jobs > 1 and (graph := stale_graph(args.targets)) and not run_all(graph, args.jobs):
            return 1
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, run the same command again to go on", file=sys.stderr)
        return 130
    from dvc.cli import main as dvc

    return dvc(["repro", *args.targets])


if __name__ == "__main__":
    sys.exit(main())
