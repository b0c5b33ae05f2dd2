"""A small process that outlives a `dvc` that is killed, and mends the dvc.lock that it left (`lock_file.mend`).

Nobody can change how plain `dvc repro` writes the file, so the first stage that it runs starts this process, which
waits for the end of that `dvc` and looks whether the file is whole. It looks for five minutes longer: the next `dvc`
may take the stage that was lost from the run-cache, and so write the file before it runs a stage. It takes next to
no time of a processor and 20 MB. `scripts/repro.py` has DVC write the file safely, and needs it for what else a stop
leaves half written in DVC's folder (`dvc_folder`).
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

SAFE = "AVEMOTION_LOCK_IS_SAFE"
"""Set where the `dvc` above writes dvc.lock beside and moves it into place."""
_FOLDER = Path(".dvc") / "tmp"
LONGER_S, _PAUSE_S = 300.0, 0.1


def guard(dvc: int, longer_s: float = LONGER_S) -> None:
    """Start the process for the `dvc` with this number, unless there is one; without it (an old kernel, a disk that is
    full) the stage goes on. It stays for some seconds after its end.
    """
    with suppress(OSError, AttributeError):  # no pidfd before Linux 5.3
        alone = os.open(_FOLDER / f"guard-{dvc}", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by the process until it ends
            ends = os.pidfd_open(dvc)
            try:
                command = [sys.executable, "-m", "pipeline.runner.lock_guard", str(dvc), str(ends), str(longer_s)]
                quiet = subprocess.DEVNULL
                subprocess.Popen(
                    command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, pass_fds=(alone, ends)
                )
            finally:
                os.close(ends)
        finally:
            os.close(alone)


def main(dvc: int, ends: int, longer_s: float) -> None:
    """Wait for the end of a `dvc`, and mend what it, or one that follows, leaves."""
    from pipeline.core.errors import ArtifactError
    from pipeline.runner.lock_file import LOCK, mend  # before the end: the next `dvc` may start at once

    select.select([ends], [], [])
    seen, end = list[tuple[int, int]](), time.monotonic() + longer_s
    with suppress(FileNotFoundError):
        (_FOLDER / f"guard-{dvc}").unlink()
    while time.monotonic() < end and _FOLDER.is_dir():
        with suppress(OSError, ArtifactError):  # the next command tells
            if seen != (now := [_state(LOCK), _state(_FOLDER / "rwlock")]) or not all(size for _, size in now):
                mend()
                seen = now
        time.sleep(_PAUSE_S)


def _state(file: Path) -> tuple[int, int]:
    """Return when a file was last written, and its size; one that is not there needs no mending."""
    if not file.exists():
        return 0, 1
    state = file.stat()
    return state.st_mtime_ns, state.st_size


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
