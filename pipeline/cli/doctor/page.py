"""All checks in their order, and their lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.cli.doctor import environment
from pipeline.cli.doctor.finding import Finding, wrong
from pipeline.cli.doctor.probe import PROBES, run_all
from pipeline.runner.console import tinted

SLOW = ("torch", "libraries", "FFmpeg", "openSMILE", "dlib", "OpenCV")
_STYLES = {"ok": "green", "note": "yellow", "wrong": "red"}


def examine(params: Path, lock: Path, quick: bool = False) -> list[Finding]:
    """Run all checks; with `quick`, those that try nothing out."""
    names = [name for name in PROBES if not (quick and name in SLOW)]
    probed = run_all(names, params)
    project = params.absolute().parent
    return [
        *_safe("Python", lambda: [environment.python()]),
        *_safe("packages", lambda: environment.packages(lock)),
        *(one for name in SLOW for one in probed.get(name, ())),
        *_safe("DVC", lambda: environment.dvc(project)),
        *_safe("git", lambda: [environment.git(project)]),
        *_safe("tools", environment.tools),
        *(one for name in ("settings", "weights", "corpora", "places") for one in probed[name]),
        *_safe("machine", lambda: [environment.machine()]),
    ]


def _safe(name: str, check: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - whatever is broken here, the other checks go on
        return [wrong(name, f"cannot be checked ({type(error).__name__}: {error})", environment.MAKE)]


def report(params: Path, lock: Path, quick: bool = False) -> tuple[str, bool]:
    """Return a line for each check and one for all, and whether nothing is wrong."""
    findings = examine(params, lock, quick)
    width = max(len(one.name) for one in findings)
    lines = [_line(one, width) for one in findings]
    faults = sum(one.state == "wrong" for one in findings)
    end = ("red", f"{faults} of {len(findings)} checks: wrong") if faults else ("green", "nothing is wrong")
    return "\n".join([*lines, tinted(end[1], end[0], sys.stdout)]), not faults


def _line(one: Finding, width: int) -> str:
    words = " ".join(f"{one.words}{f'; {one.remedy}' if one.remedy else ''}".split())
    return f"{tinted(one.state.ljust(5), _STYLES[one.state], sys.stdout)}  {one.name.ljust(width)}  {words}"
