"""What a log says of its run: a name, versions, the commit; found without starting a process."""

from __future__ import annotations

import os
import platform
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

RUN = "AVEMOTION_RUN"
"""Names the run that a stage belongs to; scripts/repro.py sets it, and DVC hands it on."""
PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "torchvision",
    "av",
    "dlib-bin",
    "opensmile",
    "opencv-python-headless",
    "h5py",
    "hdf5plugin",
    "pandas",
    "dvc",
)


def run_name(kind: str) -> str:
    """Return the name of the log: of the day's commands, of the run that AVEMOTION_RUN names, of the `dvc` that runs
    this stage, or a new one.
    """
    now = datetime.now(UTC)
    if kind == "command":
        return f"{now:%Y%m%d}-commands"
    given = re.sub(r"[^\w.-]+", "_", os.environ.get(RUN, "")).strip("._")
    return given[:100] or _dvc_run() or f"{now:%Y%m%dT%H%M%S}-stage-{os.getpid()}"


def _dvc_run() -> str:
    """Return a name for the DVC process above this one, the same for each stage that it runs; "" if there is none."""
    if "DVC_STAGE" not in os.environ:
        return ""
    pid, begun = dvc_above()
    return f"{datetime.fromtimestamp(begun, UTC):%Y%m%dT%H%M%S}-dvc-{pid}" if pid else ""


def dvc_above() -> tuple[int, float]:
    """Return number and beginning (s since 1970) of the `dvc` that this process runs under; 0 where there is none."""
    import psutil

    with suppress(psutil.Error, OSError):
        for parent in psutil.Process().parents():
            if any(Path(word).name == "dvc" for word in parent.cmdline()[:3]):
                return parent.pid, parent.create_time()
    return 0, 0.0


def stage_address(module: str, names: dict[str, str]) -> str:
    """Return the stage as DVC calls it, or its module and the arguments that are names where DVC does not run it."""
    return os.environ.get("DVC_STAGE") or " ".join([module, *(f"--{name} {value}" for name, value in names.items())])


def versions() -> str:
    """Return Python and the main packages."""
    found = [f"Python {platform.python_version()}"]
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found.append(f"{name} {metadata.version(name)}")
    return ", ".join([*found, f"in {sys.prefix}"])


def commit_of(root: Path) -> str:
    """Return the git commit of a folder in words."""
    git = root / ".git"
    with suppress(OSError, ValueError):
        if git.is_file():  # a worktree
            git = Path(git.read_text(encoding="utf-8").removeprefix("gitdir:").strip())
        head = (git / "HEAD").read_text(encoding="ascii").strip()
        return f"commit {_ref(git, head.removeprefix('ref: ')) if head.startswith('ref: ') else head}"
    return "no git"


def _ref(git: Path, name: str) -> str:
    shared = git / "commondir"
    common = git / shared.read_text(encoding="utf-8").strip() if shared.is_file() else git
    if (common / name).is_file():
        return (common / name).read_text(encoding="ascii").strip()
    packed = (common / "packed-refs").read_text(encoding="ascii").splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {name}")), "none yet")
