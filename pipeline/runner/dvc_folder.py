"""What a stop left half written in the folder of DVC, on which the next `dvc` fails. By Python's own library."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.core.errors import ArtifactError

_PATIENCE_S = 30.0


def mend_runs(runs: Path, folder: Path) -> None:
    """Delete what stops left half written in DVC's run-cache: it takes the newest file in a stage's folder for its last
    run, also one under the name that it gives files until they are whole, and fails with `'outs'`; or with `join()
    argument` where the folder is empty.
    """
    if any(_left_over(runs)):
        with dvc_waits(folder):  # it holds the lock while it writes there
            for left in [*_left_over(runs)]:
                left.rmdir() if left.is_dir() else left.unlink(missing_ok=True)
            for empty in [*_left_over(runs)]:
                empty.rmdir()


def _left_over(runs: Path) -> Iterator[Path]:
    """Yield files of the run-cache that are not whole, and empty folders."""
    for stage in runs.glob("*/*"):
        try:
            names = os.listdir(stage)
        except FileNotFoundError:  # another process mends, too
            continue
        yield from (stage / name for name in names if name.startswith(".") and name.endswith(".tmp"))
        if not names:
            yield stage


def mend_rwlock(folder: Path) -> None:
    """Delete DVC's list of the files in use where a stop left it cut off: it says nothing once its writer has gone."""
    path = folder / "rwlock"
    with suppress(FileNotFoundError, BlockingIOError), (folder / "rwlock.lock").open("a") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)  # as DVC locks it while it writes
        try:
            json.loads(path.read_bytes())
        except ValueError:
            path.unlink()


@contextmanager
def dvc_waits(folder: Path) -> Iterator[None]:
    """Hold the lock that `dvc` holds while it writes (`zc.lockfile`), after having waited for it."""
    if not folder.parent.is_dir():
        yield
        return
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as file:
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise ArtifactError("dvc.lock: a `dvc` is at work on it; wait for its end, run again") from None
                time.sleep(0.05)
        yield
