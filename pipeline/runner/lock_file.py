"""dvc.lock after a stop: DVC empties the file and writes it anew after every stage, and one that is killed in between
leaves it empty or cut off; no `dvc` starts on such a file.

Each stage keeps a copy of it as it begins, when DVC does not write. `mend` puts that copy back; what it does not know
of, DVC finds in its own run-cache. By Python's own library and PyYAML alone.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.core.errors import ArtifactError
from pipeline.core.files import atomic_path
from pipeline.runner.dvc_folder import dvc_waits, mend_runs, mend_rwlock

LOCK = Path("dvc.lock")
_TEMPORARY = Path(".dvc") / "tmp"
"""DVC's own folder, of which neither git nor `make clean` knows; beside dvc.lock."""
_KEPT, _BROKEN = "dvc.lock.kept", "dvc.lock.broken"
_CONFLICT = re.compile(rb"^(<{7}|>{7}) ", re.MULTILINE)
CURE = (
    "put back git's (`git checkout HEAD -- dvc.lock`), or move the file away: `dvc repro` then takes finished stages "
    "from DVC's run-cache"
)


def fault(text: bytes) -> str:
    """Return what is wrong with the content of a lock file of DVC, in words; "" where `dvc` starts on it.

    >>> fault(b""), fault(b"schema: '2.0'"), fault(b"schema: '2.0'\\nstages: {}\\n")
    ('empty', 'cut off', '')
    """
    if not text.strip(b"\0 \r\n"):  # a machine that lost its power may leave zeros
        return "empty"
    if found := _CONFLICT.search(text):
        line = 1 + text[: found.start()].count(b"\n")
        return f"line {line}: marks of a merge conflict"
    if not text.endswith(b"\n"):
        return "cut off"
    import yaml

    try:
        # only the structure: what a value means, YAML 1.2 as DVC reads it has other rules for
        content = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return f"no YAML{f' from line {mark.line + 1} on' if mark else ''}"
    return "" if _is_lock(content) else "not whole"


def _is_lock(content: Any) -> bool:
    """Return whether a document has the shape that DVC asks for (`dvc.schema.LOCKFILE_SCHEMA`)."""
    if not isinstance(content, dict) or content.get("schema") != "2.0":
        return False
    stages = content.get("stages", {})
    return isinstance(stages, dict) and all(map(_is_stage, stages.values()))


def _is_stage(stage: Any) -> bool:
    if not isinstance(stage, dict) or not stage.get("cmd"):
        return False
    files = [stage.get(name, []) for name in ("deps", "outs")]
    params = stage.get("params", {})
    return (
        all(isinstance(one, list) and all(isinstance(file, dict) and file.get("path") for file in one) for one in files)
        and isinstance(params, dict)
        and all(isinstance(one, dict) for one in params.values())
    )


def keep(lock: Path = LOCK) -> None:
    """Keep a copy of a lock file, as each stage begins. It costs a look at the first and the last bytes, and no disk
    that is full or read-only stops a stage for it.
    """
    folder = lock.parent / _TEMPORARY
    kept = folder / _KEPT
    with suppress(OSError):
        now, before = lock.stat(), kept.stat() if kept.is_file() else None
        if before is not None and (before.st_mtime_ns, before.st_size) == (now.st_mtime_ns, now.st_size):
            return
        text = lock.read_bytes()
        if not (text.startswith(b"schema:") and text.endswith(b"\n")) or not folder.parent.is_dir():
            return  # another `dvc` is writing it; or this is no project of DVC's
        with atomic_path(kept) as temporary:
            temporary.write_bytes(text)
            os.utime(temporary, ns=(now.st_atime_ns, now.st_mtime_ns))


def mend(lock: Path = LOCK) -> str:
    """Put back the copy of a lock file that was left empty or cut off; return what was done, "" where all is well.

    What the damaged file holds is moved aside, not deleted. A file that a `dvc` is writing at the moment is waited for.

    Raises:
        ArtifactError: there is no copy, but one in git; or marks of a merge, which no stop leaves
    """
    folder = lock.parent / _TEMPORARY
    mend_rwlock(folder)
    mend_runs(lock.parent / ".dvc" / "cache" / "runs", folder)
    if not _fault_of(lock):
        return ""
    with dvc_waits(folder):
        if not (why := _fault_of(lock)):  # another process has mended it
            return ""
        text = lock.read_bytes()
        kept = folder / _KEPT
        kept_none = not copy_is_kept(lock)
        if _CONFLICT.search(text) or (kept_none and (_in_git(lock) or not (why == "empty" or folder.is_dir()))):
            raise ArtifactError(f"{lock}: {why}; no `dvc` starts on it; {CURE}")
        aside = ""
        if text.strip(b"\0 \r\n"):
            (folder / _BROKEN).unlink(missing_ok=True)
            os.link(lock, folder / _BROKEN)
            aside = f", what it was lies in {folder / _BROKEN}"
        if kept_none:
            lock.unlink()
            return (
                f"{lock} was {why} after a stop, and there was none before it: DVC begins anew, by its run-cache{aside}"
            )
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(kept.stat().st_mtime))
        _put_back(kept, lock)
    return f"{lock} was {why} after a stop: it is again what it was at {at}{aside}"


def _fault_of(lock: Path) -> str:
    try:
        return fault(lock.read_bytes())
    except FileNotFoundError:
        return ""


def _put_back(kept: Path, lock: Path) -> None:
    try:
        with atomic_path(lock) as temporary:
            shutil.copy2(kept, temporary)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        os.replace(kept, lock)  # a full disk has cut dvc.lock off, and has no room for a second copy


def _in_git(lock: Path) -> bool:
    """Return whether the last commit has the file."""
    command = ["git", "-C", os.fspath(lock.absolute().parent), "cat-file", "-e", f"HEAD:./{lock.name}"]
    with suppress(OSError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def copy_is_kept(lock: Path = LOCK) -> bool:
    """Return whether there is a sound copy that `mend` would put back."""
    kept = lock.parent / _TEMPORARY / _KEPT
    return kept.is_file() and not fault(kept.read_bytes())
