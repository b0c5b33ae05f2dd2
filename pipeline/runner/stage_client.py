"""A server of stages as `scripts/repro.py` and DVC see it.

A stage that begins as `python -m stages.train ...` imports numpy, scipy, scikit-learn, pandas and PyTorch for 1 to 3 s;
a fork of a process that has them begins and ends in 0.1 s. `scripts/repro.py` starts one such process for all of its
own (`StageServer`), and each of them has DVC hand over what it would give to a shell (`hand_over`). What the server
does is in `stage_server`.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any

from pipeline.runner.stage_server import Request

if TYPE_CHECKING:
    from typing import Self

LIBRARIES = """
asyncio av charset_normalizer cv2 h5py hdf5plugin jinja2 joblib librosa.feature.spectral numpy pandas psutil pyarrow
pydantic
rich.console rich.progress rich.table scipy.fft scipy.linalg scipy.ndimage scipy.optimize scipy.signal scipy.sparse
scipy.spatial scipy.special scipy.stats sklearn.calibration sklearn.ensemble sklearn.linear_model sklearn.metrics
sklearn.model_selection sklearn.svm ssl torch yaml
""".split()  # noqa: SIM905 - one word a line would fill the page
"""What most stages import; one that is missing is for the stage to tell that needs it. Of librosa the part that stages
ask for: the package itself imports nothing before it is asked, and that then takes 1.5 s.
"""
SERVER = "AVEMOTION_STAGE_SERVER"
"""Variable of the environment: the address of a server that is there already, for many short runs one after another."""


class StageServer:
    """The server as its user sees it; a context manager. It ends with this process, too.

    Attributes:
        address: its socket, which is there once the libraries are imported
    """

    def __init__(self, libraries: Sequence[str] = LIBRARIES) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="stages-")
        self.address = os.path.join(self._folder.name, "socket")
        command = [sys.executable, "-m", "pipeline.runner.stage_server", self.address, *libraries]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._process.terminate()  # a stage that is under way is a process of its own
        self._process.communicate()
        self._folder.cleanup()


def wait(address: str, patience_s: float = 120) -> None:
    """Wait until the server there is ready; TimeoutError where that takes longer."""
    end = time.monotonic() + patience_s
    while not os.path.exists(address):
        if time.monotonic() > end:
            raise TimeoutError(f"the server of stages is not ready after {patience_s:g} s")
        time.sleep(0.02)


class Forked:
    """A stage that the server runs, as far as DVC looks at a process that it has started."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self.returncode = connection, -int(signal.SIGKILL)

    def communicate(self) -> None:
        """Wait until the stage ends; one whose end nobody could tell was killed."""
        with self._connection:
            if told := self._connection.recv(16):
                self.returncode = int(told)


def hand_over(address: str, hears: bool) -> None:
    """Let DVC, in this process, have its stages run by the server, as soon as that is ready. What is no plain
    `python -m stages.<name>` runs as it would otherwise, and a DVC that is made differently goes its own way.
    """
    from dvc.stage import run

    def popen(command: Any, **more: Any) -> Any:
        # the server is still importing, or gone, or the request too long for it, or the command no shell's
        with suppress(OSError, ValueError):
            if words := _stage_words(command):
                return asked(address, Request(words, os.fspath(more["cwd"]), more["env"], _cores(), hears))
        return subprocess.Popen(command, **more)

    if hasattr(run, "subprocess"):
        run.subprocess = SimpleNamespace(Popen=popen, check_output=subprocess.check_output)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _stage_words(command: object) -> list[str]:
    """Return module and arguments of a command line of a shell that runs one stage and nothing else, or nothing."""
    if not isinstance(command, list) or "-c" not in command[:-1]:
        return []
    text = command[-1]
    if set(text) & set("$`;&|<>()*?[]{}~#!\\\n"):  # for a shell
        return []
    words = shlex.split(text)
    return words[2:] if words[:2] == ["python", "-m"] and words[2:3] and words[2].startswith("stages.") else []


def asked(address: str, request: Request) -> Forked:
    """Return the stage that the server has begun; OSError where there is none yet, or the request is too long."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(request).encode()], [0, 1, 2])
    except OSError:
        connection.close()
        raise
    return Forked(connection)
