"""`python -m stages.<stage>`, `python -m pipeline`, `dvc` and `scripts/repro.py`, for tests that run dozens of them,
without the import of torch or DVC.

A `python` and a `dvc` in a folder of their own, first in PATH, hand such a command to a server of stages
(`pipeline.runner.stage_client`), which forks and runs it, in a third of the time. Anything else goes to the
environment's own python. The bytes are those of cold processes: tests/dag/test_repro.py, `python -m pytest -m long`.
"""

from __future__ import annotations

import atexit
import os
import sys
import tempfile
from functools import cache
from pathlib import Path

from pipeline.runner.stage_client import LIBRARIES, StageServer, wait

MORE = """
dlib dvc.cli.parser dvc.lock dvc.repo.reproduce dvc.repo.status dvc.stage.cache dvclive filelock
fsspec.implementations.local matplotlib.figure networkx opensmile scmrepo.git skimage.draw skimage.transform
typer.rich_utils
""".split()  # noqa: SIM905
CLIENT = """#!{python} -ISE
import os, sys
words = sys.argv[1:]
if os.path.basename(sys.argv[0]) == "dvc":
    words = ["-m", "dvc", *words]
if words[:1] == ["-m"] and words[1].split(".")[0] in ("stages", "pipeline", "dvc"):
    words = words[1:]
elif not words or os.path.basename(words[0]) != "repro.py":
    os.execv({python!r}, [{python!r}, *words])
import json, signal, socket
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
hears = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
told = (words, os.getcwd(), dict(os.environ), sorted(os.sched_getaffinity(0)), hears)
socket.send_fds(server, [json.dumps(told).encode()], [0, 1, 2])
code = int(server.recv(16) or 70)
sys.exit(code if code >= 0 else 128 - code)
"""


SHARED = "TESTS_STAGE_SERVER"
"""Variable of the environment: the address of the server that all workers of pytest-xdist ask."""


@cache
def address() -> str:
    """Return where the server is, which ends with the process that has started it: this one, or the workers' parent."""
    if not (address := os.environ.get(SHARED, "")):
        address = started().address
    wait(address, 600)  # a cold disk
    return address


def started() -> StageServer:
    """Start a server that ends with this process."""
    server = StageServer([*LIBRARIES, *MORE])
    atexit.register(server.__exit__, None, None, None)
    return server


@cache
def folder() -> Path:
    """Return the folder of the quick `python` and `dvc`."""
    place = Path(tempfile.mkdtemp(prefix="warm-", dir=Path(address()).parent))
    client = place / "python"
    client.write_text(CLIENT.format(python=sys.executable, address=address()), encoding="utf-8")
    client.chmod(0o755)
    (place / "dvc").symlink_to(client)
    return place


def python() -> str:
    """Return the quick `python`."""
    return os.fspath(folder() / "python")


def environment() -> dict[str, str]:
    """Return this process's environment with these first in PATH, then this environment's own commands."""
    path = [os.fspath(folder()), os.path.dirname(sys.executable), os.environ["PATH"]]
    return {**os.environ, "PATH": os.pathsep.join(path), "DVC_NO_ANALYTICS": "1"}
