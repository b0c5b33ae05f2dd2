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
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
ORDER = ("Python", "packages", *SLOW, "DVC", "git", "tools", *INPUTS, "places", "machine")
"""Names of all checks as they are listed."""
LIMIT_S = 60.0
_STYLES = {"ok": "green", "note": "yellow", "wrong": "red"}


def report(params: Path, lock: Path, quick: bool = False) -> tuple[str, bool]:
    """Return a line for each check and one for all, and whether nothing is wrong."""
    findings = _examined(params, lock, quick)
    width = max(len(one.name) for one in findings)
    lines = []
    for one in findings:
        words = " ".join(f"{one.words}{f'; {one.remedy}' if one.remedy else ''}".split())
        lines.append(f"{tinted(one.state.ljust(5), _STYLES[one.state], sys.stdout)}  {one.name.ljust(width)}  {words}")
    faults = sum(one.state == "wrong" for one in findings)
    end = ("red", f"{faults} of {len(findings)} checks: wrong") if faults else ("green", "nothing is wrong")
    return "\n".join([*lines, tinted(end[1], end[0], sys.stdout)]), not faults


def _examined(params: Path, lock: Path, quick: bool) -> list[Finding]:
    """Return the findings of all checks; with `quick`, of those that try nothing out."""
    with ThreadPoolExecutor(1) as beside:  # the probes leave a core free here and there
        here = beside.submit(_here, params.absolute().parent, lock)
        found = run_all([name for name in PROBES if not (quick and name in SLOW)], params) | here.result()
    return [one for name in ORDER for one in found.get(name, ())]


def _here(project: Path, lock: Path) -> dict[str, Sequence[Finding]]:
    """Return what needs no process of its own."""
    checks: dict[str, Callable[[], Sequence[Finding]]] = {
        "Python": environment.python,
        "packages": lambda: environment.packages(lock),
        "DVC": lambda: environment.dvc(project),
        "git": lambda: environment.git(project),
        "tools": environment.tools,
        "machine": environment.machine,
    }
    return {name: _safe(name, check) for name, check in checks.items()}


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
