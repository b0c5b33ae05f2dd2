"""Paths that people write into tables: with `/`, and below the folder of the corpus."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from pipeline.core.errors import ClipError
from pipeline.core.file_names import located

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def with_slashes(text: str, folder: Path) -> str:
    """Return a path of a table with `/`, as it is meant below `folder`; one of another machine as it was written.

    A `\\` is a separator, unless there is a file with one in its name, which some archives leave behind on Linux.
    """
    windows = "\\" in text and not _DRIVE.match(text) and not located(folder, text).is_file()
    return PurePosixPath(text.replace("\\", "/") if windows else text).as_posix()


def check_inside(path: str) -> None:
    """Refuse, by a ClipError `bad_path`, a path that leaves the corpus folder, or cannot be printed on one line."""
    if PurePosixPath(path).is_absolute() or _DRIVE.match(path):
        raise ClipError("bad_path", "absolute, of this or another machine; give it below the corpus folder")
    if ".." in PurePosixPath(path).parts:
        raise ClipError("bad_path", "leaves the corpus folder; give it below it, without '..'")
    if not path.isprintable():
        raise ClipError("bad_path", "has a line break or a character that cannot be seen; rename the file")
