"""`python -m stages.<stage>`, or `-m pipeline`, for tests that run dozens of them, without the import of torch.

A `python` in a folder of its own, first in PATH, hands such a command to a process that has imported the libraries (no
module of this project) and has computed nothing. That one forks, and the fork runs the command with the caller's
folder, environment, arguments and streams, in a third of the time. Anything else goes to the environment's own python.
The bytes are those of cold processes: tests/dag/test_repro.py, `python -m pytest -m long`.
"""

from __future__ import annotations

import atexit
import gc
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from ast import literal_eval
from functools import cache
from pathlib import Path

LIBRARIES = ["torch", "sklearn.svm", "sklearn.linear_model", "sklearn.ensemble", "pandas", "h5py", "av", "pydantic"]
LIBRARIES += ["matplotlib.figure", "scipy.stats", "scipy.signal", "skimage.transform", "opensmile"]
LIBRARIES += ["dvclive", "dvc.repo", "pydantic.main", "hdf5plugin", "jinja2", "filelock", "skimage.draw"]
LIBRARIES += ["librosa.feature.spectral", "dlib", "cv2"]
CLIENT = """#!{python} -ISE
import os, sys
words = sys.argv[1:]
if words[:1] != ["-m"] or words[1].split(".")[0] not in ("stages", "pipeline"):
    os.execv({python!r}, [{python!r}, *words])
import socket
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
told = repr((os.getcwd(), words[1:], dict(os.environ))).encode()
socket.send_fds(server, [len(told).to_bytes(4, "big")], [0, 1, 2])
server.sendall(told)
left = server.recv(4)
sys.exit(int(left) if left else 70)
"""


@cache
def folder() -> Path:
    """Return the folder of the quick `python`; what stands behind it ends with this process."""
    place = Path(tempfile.mkdtemp(prefix="warm"))
    address = os.fspath(place / "socket")
    server = subprocess.Popen([sys.executable, __file__, address], stdout=subprocess.PIPE, text=True)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    atexit.register(server.kill)
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n", "the process that runs stages did not start"
    client = place / "python"
    client.write_text(CLIENT.format(python=sys.executable, address=address), encoding="utf-8")
    client.chmod(0o755)
    return place


def serve(address: str) -> None:
    """Run one command per connection, each in a fork of this process."""
    numeric = runpy.run_path(os.fspath(Path(__file__).parents[2] / "pipeline/core/numeric.py"))["NUMERIC"]
    for name in LIBRARIES:
        __import__(name)
    gc.freeze()  # else every fork's first collection copies all that was imported
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(16)
    print("ready", flush=True)
    while True:
        asked, _ = listening.accept()
        if not os.fork():
            listening.close()
            _answer(asked, numeric)
        asked.close()


def _answer(asked: socket.socket, numeric: dict[str, str]) -> None:
    """Run a command in a fork of this fork, send its exit code, and end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, streams, _, _ = socket.recv_fds(asked, 4, 3)
    place, words, environment = literal_eval(asked.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL).decode())
    if child := os.fork():
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        asked.sendall(str(code if code >= 0 else 128 - code).encode())
        os._exit(0)
    asked.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(place)
    os.environ.clear()
    os.environ.update(environment | numeric)  # what is numeric came before the libraries
    _run(place, words)


def _run(place: str, words: list[str]) -> None:
    """Do what `python -m` does, but for the search of every object for garbage at its end."""
    sys.path[:1] = [place, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    sys.argv, code = ["-m", *words[1:]], 0
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001  nobody caught it: it is shown, as python does
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        threading._shutdown()  # ends worker processes
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1])
