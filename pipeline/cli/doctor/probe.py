"""Checks in processes of their own: `python -m pipeline.cli.doctor.probe NAME PARAMS` prints findings as JSON."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.cli.doctor.environment import MAKE
from pipeline.cli.doctor.finding import Finding, wrong

PROBES = {
    "torch": "engines", "libraries": "engines", "FFmpeg": "engines", "openSMILE": "engines", "dlib": "engines",
    "OpenCV": "engines", "settings": "inputs", "weights": "inputs", "corpora": "inputs", "places": "places",
}  # fmt: skip
"""What is looked at -> the module whose function of that name does it; what takes longest comes first."""
LIMIT_S = 60.0


class Running(NamedTuple):
    """A probe under way."""

    name: str
    process: subprocess.Popen[str]
    errors: IO[str]


def run_all(names: Sequence[str], params: Path, limit_s: float = LIMIT_S) -> dict[str, list[Finding]]:
    """Run probes side by side; none outlives this."""
    end, running = time.monotonic() + limit_s, list[Running]()
    try:
        for name in names:
            running.append(_start(name, params))
        return {one.name: _outcome(one, max(0.1, end - time.monotonic())) for one in running}
    finally:
        for one in running:
            if one.process.poll() is None:
                one.process.kill()
                one.process.wait()
            one.errors.close()


def _start(name: str, params: Path) -> Running:
    errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed by run_all
    command = [sys.executable, "-m", "pipeline.cli.doctor.probe", name, str(params)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(_path())}
    return Running(
        name, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment), errors
    )


def _path() -> list[str]:
    """Return where this process found `pipeline`, and what it was told to look through before."""
    root = str(Path(__file__).resolve().parents[3])
    return [*([given] if (given := os.environ.get("PYTHONPATH")) else []), root]


def _outcome(one: Running, seconds: float) -> list[Finding]:
    try:
        printed, _ = one.process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        remedy = "see whether a disk hangs or the machine is busy, and run the doctor again"
        return [wrong(one.name, f"gave no answer within {LIMIT_S:.0f} s", remedy)]
    if one.process.returncode == 0:
        return [Finding(**row) for row in json.loads(printed)]
    one.errors.seek(0)
    last = " ".join((one.errors.read().strip().splitlines() or [""])[-1].split())
    code = one.process.returncode
    how = f"killed its process ({signal.Signals(-code).name})" if code < 0 else "failed"
    return [wrong(one.name, f"{how}{f': {last}' if last else ''}", MAKE)]


def main(name: str, params: Path) -> int:
    """Run one probe here and print what it found."""
    answers = os.dup(1)
    os.dup2(2, 1)  # a library that prints does not mix with the answer
    try:
        function = getattr(import_module(f"pipeline.cli.doctor.{PROBES[name]}"), name.lower())
        found = function(params)
    except Exception as error:  # noqa: BLE001 - a broken package may raise anything, and shall cost one line
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        found = [wrong(name, f"does not work ({reason[:300]})", MAKE)]
    with os.fdopen(answers, "w", encoding="utf-8") as file:
        json.dump([vars(one) for one in found], file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
