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
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # in every process of the pool, too

from pipeline.core.errors import ArtifactError
from pipeline.runner import lock_file
from pipeline.runner.lock_guard import SAFE, guard
from pipeline.runner.lock_writer import write_whole
from pipeline.runner.own_environment import leave_unless_here
from pipeline.runner.stage_client import SERVER, StageServer
from pipeline.runner.stage_order import Graph, in_order, stage_names, stale_graph
from pipeline.runner.stage_pool import Done, Pool, by_dvc

leave_unless_here()

CODE = "code"
"""The stage that all others depend on."""


def run_all(graph: Graph, jobs: int) -> bool:
    """Run the stages of a graph, `jobs` at a time; return whether all of them succeeded.

    After a failure no further stage begins; those under way are waited for.
    """
    todo, finished, failed = in_order(graph), set[str](), False
    with stage_server(graph) as server, Pool(jobs, server) as pool:
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


@contextmanager
def stage_server(graph: Graph) -> Iterator[str]:
    """Provide the address of a server for these stages; "" where it would have to import more than it saves."""
    if address := os.environ.get(SERVER):
        yield address
        return
    if len(graph) <= 2 or not Path("stages", "__init__.py").is_file():
        yield ""
        return
    with StageServer() as server:
        yield server.address


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
    code, interrupted = by_dvc(["repro", *targets])
    return 130 if interrupted or code == 252 else code  # 252 is what DVC itself leaves with


def repro(targets: Sequence[str], jobs: int) -> int:
    """Bring the targets up to date and return the exit code."""
    from dvc.exceptions import DvcException

    write_whole()
    if jobs == 1:
        return one_by_one(targets)
    try:
        if CODE in stage_names() and (code := one_by_one([CODE])):  # first: what else is stale depends on it
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
