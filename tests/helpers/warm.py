"""`python -m stages.<stage>`, or `-m pipeline`, for tests that run dozens of them, without the import of torch.

A `python` in a folder of its own, first in PATH, hands such a command to a server of stages
(`pipeline.runner.stage_client`), which forks and runs it, in a third of the time. Anything else goes to the
environment's own python. The bytes are those of cold processes: tests/dag/test_repro.py, `python -m pytest -m long`.
"""

from __future__ import annotations

import atexit
import sys
import tempfile
from functools import cache
from pathlib import Path

from pipeline.runner.stage_client import LIBRARIES, StageServer

MORE = [
    "dlib",
    "dvclive",
    "dvc.repo",
    "filelock",
    "matplotlib.figure",
    "opensmile",
    "skimage.draw",
    "skimage.transform",
]
CLIENT = """#!{python} -ISE
import os, sys
words = sys.argv[1:]
if words[:1] != ["-m"] or words[1].split(".")[0] not in ("stages", "pipeline"):
    os.execv({python!r}, [{python!r}, *words])
import json, signal, socket
server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server.connect({address!r})
hears = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
told = (words[1:], os.getcwd(), dict(os.environ), sorted(os.sched_getaffinity(0)), hears)
socket.send_fds(server, [json.dumps(told).encode()], [0, 1, 2])
code = int(server.recv(16) or 70)
sys.exit(code if code >= 0 else 128 - code)
"""


@cache
def folder() -> Path:
    """Return the folder of the quick `python`; what stands behind it ends with this process."""
    server = StageServer([*LIBRARIES, *MORE])
    atexit.register(server.__exit__, None, None, None)
    server.wait()
    place = Path(tempfile.mkdtemp(prefix="warm-", dir=Path(server.address).parent))
    client = place / "python"
    client.write_text(CLIENT.format(python=sys.executable, address=server.address), encoding="utf-8")
    client.chmod(0o755)
    return place
