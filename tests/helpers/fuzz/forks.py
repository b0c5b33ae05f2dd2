"""Work in a fork that may hang, die, or print: what the parent learns of it.

A fork that works on one input for more than `HANG_S` of processor time, or waits for a minute, is ended. Seconds of a
processor and not of a clock, so that a busy machine is no finding.
"""

from __future__ import annotations

import os
import pickle
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HANG_S, WAIT_S = 10.0, 60.0
MEMORY = 3 << 30
"""What a fork may ask for beyond what it begins with, bytes."""


@dataclass(frozen=True)
class Ended:
    """How a fork ended: its result, or the traceback, signal or hang, and the input that it worked on."""

    result: Any = None
    failure: str = ""
    at: str = ""
    printed: str = ""


def forked(work: Callable[[Callable[[str], None]], Any], folder: Path) -> Ended:
    """Call `work(beat)` in a fork; `beat(name)` tells which input is next."""
    folder.mkdir(parents=True, exist_ok=True)
    answer, said = folder / "answer.pickle", folder / "printed.txt"
    answer.unlink(missing_ok=True)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _child(work, writing, answer, said)
    os.close(writing)
    at, failure = _watched(child, reading)
    printed = said.read_text(errors="replace") if said.is_file() else ""
    if failure:
        return Ended(None, failure, at, printed)
    result, trace = pickle.loads(answer.read_bytes())
    return Ended(result, trace, at, printed)


def _child(work: Callable[[Callable[[str], None]], Any], writing: int, answer: Path, said: Path) -> None:
    stream = os.open(said, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    try:
        content = (work(lambda name: os.write(writing, f"{name}\n".encode()) and None), "")
    except BaseException:  # noqa: BLE001  whatever it is, it is the finding
        content = (None, traceback.format_exc())
    answer.write_bytes(pickle.dumps(content))
    os._exit(0)


def _watched(child: int, reading: int) -> tuple[str, str]:
    """Return the last input that was told, and why the fork ended before its work did, "" where it did not."""
    at, told, spent = "", time.monotonic(), 0.0
    failure = ""
    while True:
        if select.select([reading], [], [], 0.5)[0]:
            data = os.read(reading, 65536)
            if not data:
                break
            at, told, spent = data.decode().split()[-1], time.monotonic(), _seconds(child)
        elif _seconds(child) - spent > HANG_S or time.monotonic() - told > WAIT_S:
            os.kill(child, signal.SIGKILL)
            failure = (
                f"hangs: {_seconds(child) - spent:.0f} s of a processor, {time.monotonic() - told:.0f} s of a clock"
            )
            break
    os.close(reading)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return at, failure or (f"ended by {signal.Signals(-code).name}" if code < 0 else "")


def _seconds(child: int) -> float:
    words = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
