"""Where the pipeline writes: room, the right to write, and locks that hold; each folder by its path."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from pipeline.cli.doctor import Finding, ok, wrong
from pipeline.cli.doctor.environment import runtime

PROJECT_GB = 6.0
"""What a first run takes, by far the most of it the environment."""
OTHER_GB = 1.0
WRITTEN = ("features", "models", "reports", "data", ".cache", ".dvc")


def places(params: Path) -> list[Finding]:
    """Look at all folders."""
    given = runtime(params)
    clips, weights = Path(given.clip_cache), Path(given.weights_cache).expanduser()
    found = [room("project", Path(), PROJECT_GB, "free some, or move the project to another disk")]
    try:
        found.append(room("TMPDIR", Path(tempfile.gettempdir()), OTHER_GB, "set TMPDIR to a folder on another disk"))
    except OSError:
        remedy = "set TMPDIR to one that can: TMPDIR=/other/disk make repro"
        found.append(wrong("TMPDIR", "no folder for temporary files can be written", remedy))
    found.append(room("clip cache", clips, OTHER_GB, "python -m pipeline cache prune, or set runtime.clip_cache"))
    found.append(room("weights cache", weights, OTHER_GB, "free some, or set runtime.weights_cache"))
    folders = {**{name: Path(name) for name in WRITTEN}, "clip cache": clips, "weights cache": weights}
    refused = [one for name, folder in folders.items() if (one := writable(name, folder)) is not None]
    return found + (refused or [ok("folders", f"{', '.join(folders)}: written, renamed and locked a file in each")])


def room(name: str, folder: Path, need_gb: float, remedy: str) -> Finding:
    """Return how much is free at a folder, or where it will be made."""
    there = _nearest(folder)
    try:
        free = shutil.disk_usage(there).free / 1e9
    except OSError as error:
        return wrong(f"disk, {name}", f"{folder.absolute()}: {error.strerror}", remedy)
    words = f"{free:.1f} GB free at {folder.absolute()}"
    if free < need_gb:
        return wrong(f"disk, {name}", f"{words}, {need_gb:g} GB are needed", remedy)
    return ok(f"disk, {name}", words)


def writable(name: str, folder: Path) -> Finding | None:
    """Write, rename and lock a file in a folder, or in the nearest one above it; return what does not work."""
    there = _nearest(folder)
    if not there.is_dir():
        return wrong(f"folder, {name}", f"{there.absolute()} is no folder", "move that file away")
    path = there / f".doctor.{os.getpid()}.tmp"
    try:
        path.write_bytes(b"doctor")
        os.replace(path, path.with_suffix(".tmp2"))
        os.replace(path.with_suffix(".tmp2"), path)
        locked = _locks(path)
    except OSError as error:
        said = f"{there.absolute()} cannot be written ({error.strerror})"
        return wrong(f"folder, {name}", said, "make it writable, or set another one")
    finally:
        for left in (path, path.with_suffix(".tmp2")):
            with suppress(OSError):
                left.unlink(missing_ok=True)
    if locked:
        said = f"files in {there.absolute()} cannot be locked ({locked})"
        return wrong(f"folder, {name}", said, "use a local disk, or mount this one with locks")
    return None


def _locks(path: Path) -> str:
    """Return why a lock on a file does not keep a second one out; empty where it does."""
    try:
        with path.open("r+") as first, path.open("r+") as second:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
            try:
                fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return ""
    except OSError as error:
        return str(error.strerror)
    return "a second lock was given beside the first"


def _nearest(folder: Path) -> Path:
    here = folder.absolute()
    return next((above for above in (here, *here.parents) if above.exists()), Path("/"))
