"""A small process that outlives a `dvc` that is killed, and mends the dvc.lock that it left (`lock_file.mend`).

Nobody can change how plain `dvc repro` writes the file, so the first stage that it runs starts this process, which
waits for the end of that `dvc`, sees whether the file is whole, and ends. It takes no time of a processor and some
10 MB. `scripts/repro.py` has DVC write the file safely and needs none.
"""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

SAFE = "AVEMOTION_LOCK_IS_SAFE"
"""Set where the `dvc` above writes dvc.lock beside and moves it into place."""
_FOLDER = Path(".dvc") / "tmp"


def guard(dvc: int) -> None:
    """Start the process for the `dvc` with this number, unless there is one; without it (an old kernel, a disk that is
    full) the stage goes on.
    """
    with suppress(OSError, AttributeError):  # no pidfd before Linux 5.3
        alone = os.open(_FOLDER / f"guard-{dvc}", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(alone, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held by the process until it ends
            ends = os.pidfd_open(dvc)
            try:
                command = [sys.executable, "-m", "pipeline.runner.lock_guard", str(dvc), str(ends)]
                quiet = subprocess.DEVNULL
                subprocess.Popen(
                    command, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True, pass_fds=(alone, ends)
                )
            finally:
                os.close(ends)
        finally:
            os.close(alone)


def main(dvc: int, ends: int) -> None:
    """Wait for the end of a `dvc`, and mend what it left."""
    select.select([ends], [], [])
    from pipeline.core.errors import ArtifactError
    from pipeline.runner.lock_file import mend

    (_FOLDER / f"guard-{dvc}").unlink(missing_ok=True)
    with suppress(ArtifactError):  # the next command tells
        mend()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
