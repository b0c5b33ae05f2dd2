"""Python, packages, tools beside them, and the machine; by Python's own library alone, but for `runtime`."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pipeline.cli.doctor import Finding, note, ok, wrong
from pipeline.runner.own_environment import MAKE, MIN_PYTHON

__all__ = ["MAKE", "MIN_PYTHON"]

LOCAL = ("torch", "torchvision")
"""Packages whose builds (`+cpu`, `+cu128`) count as one version."""
_SHOWN = 12
_CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_TOOLS = (
    ("Chromium", _CHROMES, "only tests of report pages use it"),
    ("Graphviz", ("dot",), "only the picture of the stages in docs is drawn by it"),
)


def python() -> list[Finding]:
    """Return whether this Python is new enough."""
    words = f"{'.'.join(map(str, sys.version_info[:3]))} in {sys.prefix}"
    if sys.version_info[:2] < MIN_PYTHON:
        return [wrong("Python", words, "3.11 or newer is needed: make repro PYTHON=/path/to/python3.11")]
    return [ok("Python", words)]


def packages(lock: Path) -> list[Finding]:
    """Compare what is installed with requirements.lock."""
    try:
        pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    except (OSError, UnicodeDecodeError) as error:
        said = f"{lock} cannot be read ({type(error).__name__})"
        return [wrong("packages", said, "run this in the project's folder, with its requirements.lock")]
    here = installed()
    versions = {name: here.get(_plain(name)) for name in pins}
    differing = [name for name, wanted in pins.items() if not _same(name, wanted, versions[name])]
    if not differing:
        return [ok("packages", f"all {len(pins)} of {lock.name}, in the versions there")]
    if len(differing) > max(_SHOWN, len(pins) / 2):
        said = f"{len(differing)} of {len(pins)} of {lock.name} are absent or differ"
        return [wrong("packages", f"{said}: this is not the project's environment", MAKE)]
    words = {name: f"{versions[name] or 'absent'}, {lock.name} has {pins[name]}" for name in differing[:_SHOWN]}
    found = [wrong(f"package {name}", said, MAKE) for name, said in words.items()]
    further = differing[_SHOWN:]
    more = f"{len(further)} more differ: {', '.join(further)}"
    return [*found, wrong("packages", more, MAKE)] if further else found


def installed() -> dict[str, str]:
    """Return the installed packages: normalised name -> version; what comes first on the path counts."""
    found: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name and distribution.version:
            found.setdefault(_plain(name), distribution.version)
    return found


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _same(name: str, wanted: str, version: str | None) -> bool:
    if version is not None and _plain(name) in LOCAL:
        return version.partition("+")[0] == wanted.partition("+")[0]
    return version == wanted


def partners() -> Finding:
    """Return whether torchvision is the one that was built for this torch."""
    name, here = "torch, torchvision", installed()
    torch, vision = here.get("torch"), here.get("torchvision")
    if not torch or not vision:
        return wrong(name, f"torch {torch or 'absent'}, torchvision {vision or 'absent'}", MAKE)
    wants = re.search(r"^torch\s*\(?==\s*([\w.]+)", "\n".join(metadata.requires("torchvision") or ()), re.MULTILINE)
    if wants and wants[1] != torch.partition("+")[0]:
        return wrong(name, f"torchvision {vision} was built for torch {wants[1]}, here is {torch}", MAKE)
    builds = sorted({version.partition("+")[2] or "no build named" for version in (torch, vision)})
    words = f"{torch} and {vision}, made for each other"
    return ok(name, words if len(builds) == 1 else f"{words}; of two builds ({' and '.join(builds)})")


def dvc(folder: Path) -> list[Finding]:
    """Return whether DVC is here, and the folder one of its projects."""
    version, own = installed().get("dvc"), Path(sys.prefix) / "bin" / "dvc"
    if not version or not importlib.util.find_spec("dvc"):
        return [wrong("DVC", "not installed in this environment", MAKE)]
    command = str(own) if own.is_file() else shutil.which("dvc")
    here = ok("DVC", f"{version}, {command}") if command else wrong("DVC", f"{version}, but no `dvc` in PATH", MAKE)
    project = ok("DVC project", "initialised")
    if not (folder / ".dvc" / "config").is_file():
        remedy = "run this in the project's folder; if it was lost: git checkout .dvc"
        project = wrong("DVC project", f"{folder.resolve()} has no .dvc/config", remedy)
    elif not (folder / "dvc.yaml").is_file():
        project = wrong("DVC project", "no dvc.yaml", "git checkout dvc.yaml, or unpack the project again")
    return [here, project, *_lock(folder)]


def _lock(folder: Path) -> list[Finding]:
    """Return what is wrong with dvc.lock, on which no `dvc` starts then."""
    from pipeline.runner.lock_file import CURE, LOCK, copy_is_kept, fault

    lock = folder / LOCK
    if not lock.is_file():
        return []
    try:
        if not (why := fault(lock.read_bytes())):
            return [ok("DVC lock", f"{LOCK} is whole")]
        remedy = "`python -m pipeline check` puts back the copy that the last stage kept"
        return [wrong("DVC lock", f"{LOCK}: {why}; no `dvc` starts on it", remedy if copy_is_kept(lock) else CURE)]
    except ImportError:  # told by `libraries`
        return []


def git(folder: Path) -> list[Finding]:
    """Return whether git is here, which is needed for `dvc exp` only."""
    if shutil.which("git") is None:
        return [note("git", "absent; only `dvc exp` and `dvc params diff` need it")]
    if not (folder / ".git").exists():
        return [note("git", "this folder is no repository; `make repro` tells DVC so, `dvc exp` needs one: git init")]
    done = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
    return [ok("git", done.stdout.strip().removeprefix("git version "))]


def tools() -> list[Finding]:
    """Return what is optional."""
    found = []
    for name, commands, use in _TOOLS:
        path = next((path for command in commands if (path := shutil.which(command))), None)
        found.append(ok(name, path) if path else note(name, f"absent; {use}"))
    return found


def machine() -> list[Finding]:
    """Return cores and memory."""
    words = f"{len(os.sched_getaffinity(0))} cores, "
    words += f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 1e9:.0f} GB of memory"
    with suppress(OSError, TypeError), Path("/proc/meminfo").open(encoding="ascii") as file:
        free = re.search(r"MemAvailable: +(\d+)", file.read())
        words += f", {int(free[1]) / 1e6:.0f} GB of it free" if free else ""
    return [note("machine", words)]


def runtime(params: Path) -> Any:
    """Return `runtime` of params.yaml, or its defaults where that cannot be read, of which `settings` tells."""
    try:
        from pipeline.core.settings import Runtime, parse, read_params

        return parse(Runtime, read_params(params).get("runtime"), "runtime")
    except Exception:  # noqa: BLE001 - told by `settings`, or by `libraries`
        return SimpleNamespace(device="cpu", clip_cache=".cache/clips", weights_cache="~/.cache/avemotion/weights")
