"""Python, packages, tools beside them, and the machine; by Python's own library alone."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from pipeline.cli.doctor.finding import Finding, note, ok, wrong

MIN_PYTHON = (3, 11)
MAKE = "run `make venv`, then `. .venv/bin/activate`"
LOCAL = ("torch", "torchvision")
"""Packages whose builds (`+cpu`, `+cu128`) count as one version."""
_SHOWN = 12
_CHROMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def python() -> Finding:
    """Return whether this Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < MIN_PYTHON:
        return wrong(
            "Python", f"{version} in {sys.prefix}", "3.11 or newer is needed: make repro PYTHON=/path/to/python3.11"
        )
    return ok("Python", f"{version} in {sys.prefix}")


def packages(lock: Path) -> list[Finding]:
    """Compare what is installed with requirements.lock."""
    try:
        pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    except (OSError, UnicodeDecodeError) as error:
        return [
            wrong(
                "packages",
                f"{lock} cannot be read ({type(error).__name__})",
                "run this in the project's folder, with its requirements.lock",
            )
        ]
    here = installed()
    differing = [
        (name, wanted, here.get(_plain(name)))
        for name, wanted in pins.items()
        if not _same(name, wanted, here.get(_plain(name)))
    ]
    if not differing:
        return [ok("packages", f"all {len(pins)} of {lock.name}, in the versions there")]
    if len(differing) > max(_SHOWN, len(pins) / 2):
        return [
            wrong(
                "packages",
                f"{len(differing)} of {len(pins)} of {lock.name} are absent or differ: this is not the project's environment",
                MAKE,
            )
        ]
    found = [
        wrong(f"package {name}", f"{version or 'absent'}, {lock.name} has {wanted}", MAKE)
        for name, wanted, version in differing[:_SHOWN]
    ]
    if len(differing) > _SHOWN:
        found.append(
            wrong(
                "packages",
                f"{len(differing) - _SHOWN} more differ: {', '.join(name for name, *_ in differing[_SHOWN:])}",
                MAKE,
            )
        )
    return found


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
    here = installed()
    torch, vision = here.get("torch"), here.get("torchvision")
    if not torch or not vision:
        return wrong("torch, torchvision", f"torch {torch or 'absent'}, torchvision {vision or 'absent'}", MAKE)
    wants = next(
        (
            found[1]
            for line in metadata.requires("torchvision") or ()
            if (found := re.match(r"torch\s*\(?==\s*([\w.]+)", line))
        ),
        "",
    )
    if wants and wants != torch.partition("+")[0]:
        return wrong("torch, torchvision", f"torchvision {vision} was built for torch {wants}, here is {torch}", MAKE)
    builds = {version.partition("+")[2] or "no build named" for version in (torch, vision)}
    words = f"{torch} and {vision}, made for each other"
    return ok(
        "torch, torchvision", words if len(builds) == 1 else f"{words}; of two builds ({' and '.join(sorted(builds))})"
    )


def dvc(folder: Path) -> list[Finding]:
    """Return whether DVC is here, and the folder one of its projects."""
    version, command = installed().get("dvc"), _beside("dvc")
    if not version or not importlib.util.find_spec("dvc"):
        return [wrong("DVC", "not installed in this environment", MAKE)]
    found = [
        ok("DVC", f"{version}, {command}")
        if command
        else wrong("DVC", f"{version}, but no command `dvc` in PATH", MAKE)
    ]
    if not (folder / ".dvc" / "config").is_file():
        found.append(
            wrong(
                "DVC project",
                f"{folder.resolve()} has no .dvc/config",
                "run this in the project's folder; if it was lost: git checkout .dvc",
            )
        )
    elif not (folder / "dvc.yaml").is_file():
        found.append(wrong("DVC project", "no dvc.yaml", "git checkout dvc.yaml, or unpack the project again"))
    else:
        found.append(ok("DVC project", "initialised"))
    return found


def _beside(name: str) -> str | None:
    """Return a command of this environment, or one in PATH."""
    own = Path(sys.prefix) / "bin" / name
    return str(own) if own.is_file() else shutil.which(name)


def git(folder: Path) -> Finding:
    """Return whether git is here, which is needed for `dvc exp` only."""
    if shutil.which("git") is None:
        return note("git", "absent; only `dvc exp` and `dvc params diff` need it")
    if not (folder / ".git").exists():
        return note("git", "this folder is no repository; `make repro` tells DVC so, `dvc exp` needs one: git init")
    done = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False)
    return ok("git", done.stdout.strip().removeprefix("git version "))


def tools() -> list[Finding]:
    """Return what is optional."""
    chrome = next((path for name in _CHROMES if (path := shutil.which(name))), None)
    dot = shutil.which("dot")
    return [
        ok("Chromium", chrome) if chrome else note("Chromium", "absent; only tests of report pages use it"),
        ok("Graphviz", dot)
        if dot
        else note("Graphviz", "absent; only the picture of the stages in docs is drawn by it"),
    ]


def machine() -> Finding:
    """Return cores and memory."""
    cores = len(os.sched_getaffinity(0))
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    memory = f"{pages * size / 1e9:.0f} GB of memory"
    try:
        with Path("/proc/meminfo").open(encoding="ascii") as file:
            free = next(int(line.split()[1]) for line in file if line.startswith("MemAvailable"))
        memory += f", {free / 1e6:.0f} GB of it free"
    except (OSError, StopIteration, ValueError):
        pass
    return note("machine", f"{cores} cores, {memory}")
