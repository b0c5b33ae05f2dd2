"""How DVC writes dvc.lock in a process of ours: whole or not at all.

DVC itself empties the file first, and takes up to a third of a second to fill it again; where it is killed in between,
it leaves a file on which no `dvc` starts (`lock_file`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.runner.lock_file import LOCK


def write_whole() -> None:
    """Let DVC, in this process, write dvc.lock beside the old one, on the disk to its last byte, and then move it into
    place. A DVC without the function that this replaces goes its own way.
    """
    from dvc.utils.serialize import _common

    plainly = getattr(_common, "_dump_data", None)
    if plainly is None:
        return

    def dump(path: Any, data: Any, dumper: Callable[..., object], fs: Any = None, **more: Any) -> None:
        place = Path(os.path.realpath(path))  # of a link, what it leads to
        folder = place.parent / ".dvc" / "tmp"  # so that a stop leaves nothing beside the file
        if place.name != LOCK.name or not folder.is_dir() or folder.stat().st_dev != place.parent.stat().st_dev:
            plainly(path, data, dumper=dumper, fs=fs, **more)
            return
        beside = folder / f"{LOCK}.new"
        with beside.open("w", encoding="utf-8") as file:
            dumper(data, file, **more)
            file.flush()
            os.fsync(file.fileno())
        if place.exists():
            beside.chmod(place.stat().st_mode & 0o777)
        os.replace(beside, place)

    _common._dump_data = dump
