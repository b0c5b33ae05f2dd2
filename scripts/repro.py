"""Run the stages that are out of date, several at a time: `python scripts/repro.py [--jobs N] [TARGET ...]`.

`dvc repro` runs one stage after the other. Here N processes each run `dvc repro --single-item` on one instance at a
time, as soon as everything that it rests on is done; those between most others come first. What has to run, what
the run-cache holds and what is written to dvc.lock is DVC's business alone; how the file is written is not: beside it,
then moved into place, so that no stop leaves it cut off. With --jobs 1 this is plain `dvc repro` otherwise. The results
do not depend on N.

All stages of a run write to one log, `.cache/logs/<run>.log`; AVEMOTION_RUN names it (pipeline/runner/runlog.py).
Exit codes: 0 all is up to date, 1 or DVC's own something failed, 2 wrong command line, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # in every process of the pool, too

from pipeline.core.errors import ArtifactError
from pipeline.runner import lock_file
from pipeline.runner.dvc_log import heard
from pipeline.runner.lock_guard import SAFE, guard
from pipeline.runner.lock_writer import write_whole
from pipeline.runner.own_environment import leave_unless_here

leave_unless_here()
if TYPE_CHECKING:
    from typing import Self


class Done(NamedTuple):
    """What became of one stage: its name, DVC's exit code, what was printed, and how long it took in s."""

    name: str
    code: int
    printed: str
    seconds: float


CODE = "code"
"""The stage that all others depend on."""

Graph = Mapping[str, frozenset[str]]
"""Stage -> the stages whose outputs it reads."""


def stale_graph(targets: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return the stages that have to run, or that rest on one that has, among the targets and what they rest on.

    Raises:
        DvcException: no such target, or no sound dvc.yaml
    """
    from dvc.repo import Repo, lock_repo
    from networkx import descendants

    with Repo() as repo, lock_repo(repo):  # within one lock DVC reads dvc.yaml and dvc.lock once
        graph = repo.index.graph  # edges point from a stage to what it rests on
        changed = set(repo.status(targets=list(targets) or None, with_deps=True))
        below = {stage: descendants(graph, stage) for stage in graph}
        asked = {stage for target in targets for stage in repo.stage.collect(target)} if targets else set(graph)
        wanted = asked.union(*(below[stage] for stage in asked))
        stale = {stage for stage in wanted if any(one.addressing in changed for one in (stage, *below[stage]))}
        return {
            stage.addressing: frozenset(one.addressing for one in graph.successors(stage) if one in stale)
            for stage in stale
        }


def _stage_names() -> set[str]:
    from dvc.repo import Repo

    with Repo() as repo:
        return {stage.addressing for stage in repo.index.stages}


def in_order(graph: Graph) -> list[str]:
    """Return the stages, those first that stand between most others: that most wait for, directly or not, or that wait
    for most.

    The second brings a fusion of many models forward, which takes long and has only its report behind it.
    """
    waiting: dict[str, set[str]] = {name: set() for name in graph}
    for name in graph:
        todo = list(graph[name])
        while todo:
            below = todo.pop()
            if name not in waiting[below]:
                waiting[below].add(name)
                todo += graph[below]
    return sorted(graph, key=lambda name: (-len(waiting[name]) - len(graph[name]), name))


_stop: Event | None = None
"""In a process of the pool: set once nothing further shall begin."""
_hears = True
"""In a process of the pool: whether Ctrl-C means anything; it does not in the background of a script, or under nohup.
"""


def _begin_worker(stop: Event, hears: bool) -> None:
    global _stop, _hears
    _stop, _hears = stop, hears
    _on_ctrl_c(_wait_on)
    _read_lock_plainly()
    write_whole()


def _read_lock_plainly() -> None:
    """Let DVC read dvc.lock for an update as it reads it otherwise, not in the way that keeps comments, which takes
    five times as long.

    It does so after every stage, and the file has no comments. What is written is the same to the byte
    (tests/dag/test_parallel_repro.py). A DVC without these functions goes its own way.
    """
    from dvc.utils.serialize import _yaml

    if hasattr(_yaml, "parse_yaml_for_update") and hasattr(_yaml, "parse_yaml"):
        _yaml.parse_yaml_for_update = _yaml.parse_yaml


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
            code, _ = _by_dvc(["--wait-for-lock", "repro", "--single-item", name])
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

    def __init__(self, jobs: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._cores = frozenset(os.sched_getaffinity(0))
        self._stop = context.Event()
        hears = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        self._pool = ProcessPoolExecutor(jobs, context, _begin_worker, (self._stop, hears))
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


def run_all(graph: Graph, jobs: int) -> bool:
    """Run the stages of a graph, `jobs` at a time; return whether all of them succeeded.

    After a failure no further stage begins; those under way are waited for.
    """
    todo, finished, failed = in_order(graph), set[str](), False
    with Pool(jobs) as pool:
        while True:
            ready = [] if failed else [name for name in todo if graph[name] <= finished]
            alone = len(ready) + len(pool) == 1
            for name in ready[: len(pool.free)]:
                print(f"{name} begins", flush=True)
                pool.begin(name, alone)
                todo.remove(name)
            if not len(pool):
                return not failed
            for done in pool.ended():
                finished.add(done.name)
                failed |= done.code != 0
                print(f"[{len(finished)} of {len(graph)}] {_shown(done)}", flush=True)


def _shown(done: Done) -> str:
    """Return what a user wants to see of a stage: how it ended, and what it printed unless DVC had nothing to do."""
    if done.code == 0 and "didn't change, skipping" in done.printed:
        return f"{done.name}: unchanged"
    # behind these words DVC explains git and remotes to the user, after every single stage
    printed = (
        done.printed
        if done.code
        else re.split(r"\n(?:Generating lock file|Updating lock file|Use `dvc push`)", done.printed)[0]
    )
    return f"{done.name}: {done.seconds:.0f} s\n{printed}\n"


def one_by_one(targets: Sequence[str]) -> int:
    """Run plain `dvc repro` and return its exit code, or 130 after Ctrl-C."""
    code, interrupted = _by_dvc(["repro", *targets])
    return 130 if interrupted or code == 252 else code  # 252 is what DVC itself leaves with


def _by_dvc(words: list[str]) -> tuple[int, bool]:
    """Run one command of DVC in this process, and return its exit code and whether a stage heard Ctrl-C."""
    from dvc.cli import main

    with heard() as found:
        code: int = main(words)
    if found.told:
        print(f"error: {found.told}", file=sys.stderr, flush=True)
    return code, found.interrupted


def repro(targets: Sequence[str], jobs: int) -> int:
    """Bring the targets up to date and return the exit code."""
    from dvc.exceptions import DvcException

    write_whole()
    if jobs == 1:
        return one_by_one(targets)
    try:
        if CODE in _stage_names() and (code := one_by_one([CODE])):  # first: what else is stale depends on it
            return code
        graph = stale_graph(targets)
    except DvcException:
        return one_by_one(targets)  # DVC says what is wrong
    if not graph:
        print("Data and pipelines are up to date.")
        return 0
    try:
        return 0 if run_all(graph, jobs) else 1
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, run the same command again to go on", file=sys.stderr)
        return 130
    except BrokenProcessPool:
        print(
            "a process was killed, perhaps for memory; run the same command again, or with one stage at a time: JOBS=1",
            file=sys.stderr,
        )
        return 1


def main() -> int:
    """Read the command line and run."""
    leave_unless_here("dvc", "yaml", "networkx")
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="stages at a time")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="as for `dvc repro`; default: all")
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error(f"--jobs {args.jobs}: at least one stage at a time")
    os.environ[SAFE] = "1"
    run = os.environ.setdefault("AVEMOTION_RUN", f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-repro-{os.getpid()}")
    try:
        if mended := lock_file.mend():
            print(mended, file=sys.stderr)
        lock_file.keep()
        guard(os.getpid(), 3.0)
        code = repro(args.targets, args.jobs)
    except ArtifactError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:  # before the first stage
        print("interrupted; run the same command again", file=sys.stderr)
        code = 130
    log = Path(".cache") / "logs" / f"{run}.log"
    if code not in (0, 130) and log.is_file():
        print(f"what the stages did, and why one failed: {log}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
