"""What happened in a run, for bug reports and for the time that each stage takes: `.cache/logs`, never a result.

`<run>.log` is text. All stages of one `make repro` share a file, since scripts/repro.py names the run in AVEMOTION_RUN;
so do the stages of one `dvc repro`, by the process that runs them; a stage run by hand has its own. The commands of a
day share `<day>-commands.log`. Each line is one write at the end of the file, so that processes may write at the same
time: time, process, stage or command, text. A log holds versions, the git commit, what was read of params.yaml,
warnings of libraries, whatever libraries and workers say on standard error, the traceback of an error, seconds and
memory. The newest 50 files stay.

`stages.jsonl` has a line of JSON per finished stage:

    {"stage": "extract@demo-lld147",   as DVC calls it; run by hand, the module and its arguments that are names
     "out": path,                      its --out, if it has one
     "begin": "2026-01-31T12:00:00.000Z", "seconds": 3.21, "ok": true,   with the import of libraries
     "run": "20260131T115900-repro-4711", the log's name without .log
     "peak_mb": 512.3}                 of the process or the largest of its workers, whichever needed more

Past 4 MB the lines become `stages.old.jsonl`; `read_stage_times` reads both. A log that cannot be written fails no run.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import resource
import sys
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

from pipeline.runner.console import Divert
from pipeline.runner.own_environment import unmet
from pipeline.runner.run_info import commit_of, run_name, versions

FOLDER = Path(".cache") / "logs"
STAGES, STAGES_BEFORE = "stages.jsonl", "stages.old.jsonl"
KEPT = 50
LARGEST = 4 << 20
DEBUG = "AVEMOTION_DEBUG"


class RunLog:
    """The log of one stage or command; a context manager, within which all that libraries say goes into the file.

    Args:
        what: address of the stage, or the command
        words: the command line
        kind: `stage` or `command`
        out: what the stage writes
        folder: where logs lie
        began: when, by `time.monotonic`; None = now
    """

    def __init__(
        self,
        what: str,
        words: Sequence[str],
        kind: str,
        out: str = "",
        folder: Path = FOLDER,
        began: float | None = None,
    ) -> None:
        self.what, self._words, self._kind, self._out = what, words, kind, out
        self.run = run_name(kind)
        self.path = folder / f"{self.run}.log"
        self._begin = time.monotonic() if began is None else began
        self._wall = datetime.now(UTC) - timedelta(seconds=time.monotonic() - self._begin)
        self._file = -1
        self._divert: Divert | None = None

    def __enter__(self) -> Self:
        folder = self.path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            print(f"note: no log is kept ({self.path}: {error.strerror})", file=sys.stderr)
            return self
        if new:
            _drop_old(folder)
        self._divert = Divert(self._file, self.note)
        self.note(f"begins: {' '.join(self._words)}")
        self.note(f"{versions()}; {platform.platform()}; {commit_of(Path())}")
        return self

    def __exit__(self, *_: object) -> None:
        if self._divert is not None:
            self._divert.end()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def note(self, text: str) -> None:
        """Write text; a disk that has become full since is no reason to stop."""
        if self._file >= 0:
            begin = f"{_stamp(datetime.now(UTC))} {os.getpid()} {self.what}: "
            with suppress(OSError):
                os.write(self._file, f"{begin}{text}\n".encode(errors="backslashreplace"))

    def failed(self, line: str, error: BaseException | None = None) -> None:
        """Write the line that the user sees, and the way to it."""
        self.note(line)
        if error is not None:
            self.note("".join(traceback.format_exception(error)).rstrip())

    def unforeseen(self, error: Exception) -> str:
        """Do what `bug` does, unless it is the environment that lacks a package."""
        if not (line := unmet(error)):
            return self.bug(error)
        self.failed(f"error: {line}", error)
        return line

    def bug(self, error: Exception) -> str:
        """Write an error that nobody foresaw, and return the line for the user; with AVEMOTION_DEBUG=1, or where no log
        is kept, also print the traceback.
        """
        last = " ".join(traceback.format_exception_only(error)[-1].split())
        self.failed(f"error: {last}", error)
        if os.environ.get(DEBUG, "0") not in ("", "0") or self._file < 0:
            traceback.print_exception(error)
        where = f"the whole story is in {self.path}" if self._file >= 0 else "its traceback is above"
        return f"{last}; this is a bug; {where}"

    def ended(self, ok: bool) -> None:
        """Write how long it took, and how much memory; of a stage, the line for `read_stage_times`, too."""
        seconds = time.monotonic() - self._begin
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1024
        self.note(f"{'done' if ok else 'failed'} after {seconds:.2f} s, peak memory {peak:.0f} MB")
        if self._kind == "stage" and self._file >= 0:
            row = {"stage": self.what, **({"out": self._out} if self._out else {}), "begin": _stamp(self._wall)}
            figures = {"seconds": round(seconds, 2), "ok": ok, "run": self.run, "peak_mb": round(peak, 1)}
            _append(self.path.parent, {**row, **figures})


def read_stage_times(folder: Path = FOLDER) -> dict[str, Mapping[str, Any]]:
    """Return the latest successful run of each stage that was logged: its address -> its line of `stages.jsonl`."""
    latest: dict[str, Mapping[str, Any]] = {}
    for name in (STAGES_BEFORE, STAGES):
        for row in _rows(folder / name):
            if row.get("ok") and str(row.get("begin", "")) >= str(latest.get(row["stage"], {}).get("begin", "")):
                latest[row["stage"]] = row
    return latest


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                row = json.loads(line)
                if isinstance(row, dict) and isinstance(row.get("stage"), str):
                    yield row


def _append(folder: Path, row: Mapping[str, Any]) -> None:
    with suppress(OSError), (folder / ".stages.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # or two might both put a full file away, the second one a new one
        path = folder / STAGES
        if path.exists() and path.stat().st_size > LARGEST:
            os.replace(path, folder / STAGES_BEFORE)
        with path.open("ab", buffering=0) as file:
            file.write((json.dumps(row) + "\n").encode())


def _drop_old(folder: Path) -> None:
    """Keep the newest files; another process may be at the same."""
    with suppress(OSError):
        logs = sorted(folder.glob("*.log"), key=lambda path: (path.stat().st_mtime, path.name), reverse=True)
        for path in logs[KEPT:]:
            path.unlink(missing_ok=True)


def _stamp(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
