"""All checks in their order, and their lines.

What needs more than Python itself is tried out side by side in processes of their own, each `python -m
pipeline.cli.doctor.checks NAME PARAMS`, which print findings as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path

from pipeline.cli.doctor import Finding, environment, wrong
from pipeline.cli.doctor.environment import MAKE
from pipeline.runner.console import tinted

SLOW = ("torch", "libraries", "FFmpeg", "openSMILE", "dlib", "OpenCV")
"""Left out by `--quick`; what takes longest comes first."""
INPUTS = ("settings", "weights", "corpora")
PROBES = {**dict.fromkeys(SLOW, "engines"), **dict.fromkeys(INPUTS, "inputs"), "places": "places"}
"""What is tried out in a process -> the module whose function of that name does it."""
LIMIT_S = 60.0
_STYLES = {"ok": "green", "note": "yellow", "wrong": "red"}


def report(params: Path, lock: Path, quick: bool = False) -> tuple[str, bool]:
    """Return a line for each check and one for all, and whether nothing is wrong."""
    findings = list(_examined(params, lock, quick))
    width = max(len(one.name) for one in findings)
    lines = []
    for one in findings:
        words = " ".join(f"{one.words}{f'; {one.remedy}' if one.remedy else ''}".split())
        lines.append(f"{tinted(one.state.ljust(5), _STYLES[one.state], sys.stdout)}  {one.name.ljust(width)}  {words}")
    faults = sum(one.state == "wrong" for one in findings)
    end = ("red", f"{faults} of {len(findings)} checks: wrong") if faults else ("green", "nothing is wrong")
    return "\n".join([*lines, tinted(end[1], end[0], sys.stdout)]), not faults


def _examined(params: Path, lock: Path, quick: bool) -> Iterator[Finding]:
    """Yield the findings of all checks; with `quick`, of those that try nothing out."""
    probed = run_all([name for name in PROBES if not (quick and name in SLOW)], params)
    project = params.absolute().parent
    yield from _safe("Python", environment.python)
    yield from _safe("packages", lambda: environment.packages(lock))
    yield from (one for name in SLOW for one in probed.get(name, ()))
    yield from _safe("DVC", lambda: environment.dvc(project))
    yield from _safe("git", lambda: environment.git(project))
    yield from _safe("tools", environment.tools)
    yield from (one for name in (*INPUTS, "places") for one in probed[name])
    yield from _safe("machine", environment.machine)


def _safe(name: str, check: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever is broken here, the other checks go on
        return [wrong(name, f"cannot be checked ({type(error).__name__}: {error})", MAKE)]


def run_all(names: Sequence[str], params: Path, limit_s: float = LIMIT_S) -> dict[str, Sequence[Finding]]:
    """Run probes side by side; none outlives this."""
    end, running = time.monotonic() + limit_s, dict[str, subprocess.Popen[str]]()
    try:
        for name in names:
            running[name] = _start(name, params)
        return {name: _outcome(name, one, max(0.1, end - time.monotonic())) for name, one in running.items()}
    finally:
        for one in running.values():
            with one:  # waits for its end
                one.kill()


def _start(name: str, params: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pipeline.cli.doctor.checks", name, str(params)]
    # what this process was told to look through, then where it found `pipeline`
    path = [*filter(None, [os.environ.get("PYTHONPATH")]), str(Path(__file__).resolve().parents[3])]
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(path)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, errors="replace", env=variables)


def _outcome(name: str, process: subprocess.Popen[str], seconds: float) -> Sequence[Finding]:
    try:
        printed, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        remedy = "see whether a disk hangs or the machine is busy, and run the doctor again"
        return [wrong(name, f"gave no answer within {LIMIT_S:.0f} s", remedy)]
    if not (code := process.returncode):
        return [Finding(*row) for row in json.loads(printed)]
    last = " ".join((errors.strip().splitlines() or [""])[-1].split())
    how = f"killed its process ({signal.Signals(-code).name})" if code < 0 else "failed"
    return [wrong(name, f"{how}{f': {last}' if last else ''}", MAKE)]


def main(name: str, params: Path) -> None:
    """Run one probe here and print what it found."""
    answers = os.dup(1)
    os.dup2(2, 1)  # a library that prints does not mix with the answer
    try:
        found = getattr(import_module(f"pipeline.cli.doctor.{PROBES[name]}"), name.lower())(params)
    except Exception as error:  # noqa: BLE001 - a broken package may raise anything, and shall cost one line
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        found = [wrong(name, f"does not work ({reason[:300]})", MAKE)]
    with os.fdopen(answers, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
