"""Opening an HDF5 file for reading. Where that fails, the reason in words: what may be intact is never called damaged,
and no remedy deletes anything.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import h5py

from pipeline.core.errors import ArtifactError
from pipeline.core.text_heaps import heaps_are_whole

AGAIN = "move it away and run `dvc repro`"
_HELD = (errno.EAGAIN, errno.EACCES)
_UNLOCKED = "set HDF5_USE_FILE_LOCKING=FALSE in the environment to read it all the same"


def opened_hdf5(path: Path) -> h5py.File:
    """Return an open HDF5 file; an `ArtifactError` says why there is none and what to do."""
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ArtifactError(f"{path}: {refusal(error)}") from error
    if not heaps_are_whole(path):
        file.close()
        raise ArtifactError(f"{path}: not a readable HDF5 file (a heap of texts in it is damaged); {AGAIN}")
    return file


def refusal(error: Exception) -> str:
    """Return why HDF5 does not open or read a file, and the remedy.

    >>> refusal(OSError("Unable to open file (file signature not found)"))
    'not a readable HDF5 file (file signature not found); move it away and run `dvc repro`'
    """
    if words := hindrance(error):
        return words
    reason = re.sub(r"^.*?\((.*)\)$", r"\1", " ".join(str(error).split()))[:120]
    return f"not a readable HDF5 file ({reason}); {AGAIN}"


def hindrance(error: Exception) -> str:
    """Return what keeps a file from being read that may be intact, and the remedy; "" where its content is at fault.

    HDF5 puts the number of the operating system's error into its own words, and often there alone.
    """
    text = " ".join(str(error).split())
    hidden = re.search(r"errno = (\d+)", text)
    number = getattr(error, "errno", None) or (int(hidden[1]) if hidden else 0)
    if "unable to lock file" in text and number in _HELD:
        return f"locked: another process holds it open for writing; wait for its end, or, if it only reads, {_UNLOCKED}"
    if "unable to lock file" in text:
        return f"locked: its disk gives no locks ({os.strerror(number)}); {_UNLOCKED}"
    if "already open for" in text:
        return (
            "locked: it is marked as open for writing, by a process at work or one that was killed; wait for its end, "
            "or take the mark off with `h5clear -s`"
        )
    if "is not registered" in text or "hdf5/lib/plugin" in text:
        return f"cannot be read here ({text[:120]}): a filter of HDF5 is missing; run `make venv`"
    if number == errno.ENOENT:
        return "no such file any more; run `dvc repro` for the stage that writes it"
    if number:
        return f"cannot be read ({os.strerror(number)}); see its permissions and its disk, the file may be whole"
    return ""
