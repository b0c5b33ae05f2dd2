"""The process that has imported the libraries of the stages, and forks itself for each request of a `stage_client`.

A request is one packet to a socket of the file system: a `Request` as JSON, and the stage's standard streams. The
answer, once it has ended, is its exit code, negative for a signal. The project's own code is not imported beforehand,
so that a stage has it as it stands when the stage begins, and nothing has been computed here, so that a stage computes
what it computes alone (docs/decisions/0024-stage-server.md).
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from pipeline.core.numeric import HEAP, NUMERIC

_SIZE = 1 << 18
"""Bytes of the longest request: a command and its environment."""


class Request(NamedTuple):
    """One stage: its module, or a script, and arguments, where it runs, and whether Ctrl-C means anything to it."""

    words: list[str]
    folder: str
    environment: dict[str, str]
    cores: list[int]
    hears: bool


def serve(listening: socket.socket) -> Request | None:
    """Fork for each request, and return it in the process that is to run it; None in the server, once standard input
    has come to its end.
    """
    while True:
        ready, _, _ = select.select([listening.fileno(), 0], [], [])
        if listening.fileno() not in ready:
            return None
        connection, _ = listening.accept()
        with connection:
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _watch(connection)


def _watch(connection: socket.socket) -> Request:
    """Fork once more, return in the new process, and tell in the old one with what it ended."""
    said, streams, _, _ = socket.recv_fds(connection, _SIZE, 3)
    if not said:  # who connected has ended before it asked
        os._exit(0)
    if stage := os.fork():
        for stream in streams:
            os.close(stream)
        code = os.waitstatus_to_exitcode(os.waitpid(stage, 0)[1])
        with suppress(OSError):  # who asked is gone
            connection.send(str(code).encode())
        os._exit(0)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    return Request(*json.loads(said))


def prepare(request: Request) -> None:
    """Make this process what a new one would be."""
    os.environ.clear()
    os.environ.update({**request.environment, **NUMERIC, **{name: str(value) for name, value in HEAP.items()}})
    sys.dont_write_bytecode = bool(request.environment.get("PYTHONDONTWRITEBYTECODE"))
    os.chdir(request.folder)
    os.sched_setaffinity(0, request.cores)
    signal.signal(signal.SIGINT, signal.default_int_handler if request.hears else signal.SIG_IGN)
    added = filter(None, request.environment.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:1] = [os.path.abspath(request.folder), *added]
    sys.argv = ["-m", *request.words[1:]]  # as Python has it while it looks for the module
    for name in [name for name in sys.modules if name.partition(".")[0] == "pipeline"]:
        del sys.modules[name]  # imported again, as it stands in that folder now
    with suppress(OSError):  # what `top` and `ps` show
        Path("/proc/self/comm").write_text(request.words[0][:15], encoding="ascii")


def run_and_leave(words: Sequence[str]) -> NoReturn:
    """Do what Python does with a module or a script, and leave with its code, but for the release of every object,
    which would copy the memory that is shared with the server: 0.3 s.
    """
    code = 0
    try:
        if words[0].endswith(".py"):
            runpy.run_path(words[0], run_name="__main__")
        else:
            runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001 - nobody caught it: it is shown, as Python shows it
        sys.excepthook(*sys.exc_info())
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # what Python itself does at the end
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # who reads is gone, or the stage has closed it
            stream.flush()
    os._exit(code)


def main(address: str, libraries: Sequence[str]) -> None:
    """Import the libraries and serve; in a fork, run the stage."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the stages, and for who waits for them
    for name in libraries:
        with suppress(ImportError):
            importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    gc.collect()
    gc.freeze()  # what is here is never looked through again, and so not copied
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(16)
        request = serve(listening)
    if request is not None:
        prepare(request)
        run_and_leave(request.words)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
