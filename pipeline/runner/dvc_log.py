"""What DVC tells in its log of a run that ended early: Ctrl-C, and a disk without room, which is one line here."""

from __future__ import annotations

import errno
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FULL = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the quota of this disk is used up"}
_LOGGERS = (
    "dvc.cli",
    "dvc.output",
    "dvc.stage",
    "dvc.repo.reproduce",
    "dvc_data.hashfile.transfer",
    "dvc_data.hashfile.checkout",
    "dvc_data.index.checkout",
    "dvc_objects.fs.generic",
)


class Heard(logging.Filter):
    """Listens to DVC's log.

    Attributes:
        refused: all errors for want of room
        interrupted: a stage left by Ctrl-C, which DVC itself does not hear meanwhile, and calls a failure
        full: what a disk refused for want of room, as DVC's cache or its outputs were written; DVC's own lines about it
            are left out
    """

    def __init__(self) -> None:
        super().__init__()
        self.interrupted, self.refused = False, list[OSError]()
        self.full: OSError | None = None

    def filter(self, record: logging.LogRecord) -> bool:
        """Take a record in, and tell whether it shall be printed."""
        refused = None
        for error in _chain(record.exc_info[1] if record.exc_info else None):
            self.interrupted |= str(error).endswith(("exited with 130", f"exited with {-signal.SIGINT}"))
            if isinstance(error, OSError) and error.errno in _FULL:
                refused = error
                self.refused.append(error)
        if refused is not None and (self.full is None or not _place(self.full)):
            self.full = refused
        return refused is None

    @property
    def told(self) -> str:
        """One line for a disk without room, with the remedy; "" where there was none."""
        if self.full is None:
            return ""
        where, why = _place(self.full) or ".dvc/cache", _FULL[self.full.errno or errno.ENOSPC]
        remedy = "free some room there and run the same command again; what is finished is kept"
        return f"{where}: {why}, so that DVC could not write there; {remedy}"


@contextmanager
def heard() -> Iterator[Heard]:
    """Listen to DVC's log in this process."""
    found = Heard()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    for logger in loggers:
        logger.addFilter(found)
    try:
        yield found
    finally:
        for logger in loggers:
            logger.removeFilter(found)
        for error in found.refused:  # not before: with the room that this gives DVC would go on
            _remove_half(error)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _place(error: OSError) -> str:
    """Return the file that was to be written, or the folder where its name is one that DVC made up; "" if unknown."""
    named = error.filename2 or error.filename
    if not isinstance(named, str | bytes):
        return ""
    place = Path(os.fsdecode(named)).absolute()
    place = place.parent if _is_half(place) else place
    return os.fspath(place.relative_to(Path.cwd()) if Path.cwd() in place.parents else place)


def _is_half(place: Path) -> bool:
    return place.name.startswith(".") and place.suffix == ".tmp"


def _remove_half(error: OSError) -> None:
    """Remove what DVC leaves of the file that it could not write, and never looks for again: it takes room."""
    named = error.filename2 or error.filename
    if isinstance(named, str | bytes) and _is_half(half := Path(os.fsdecode(named))):
        with suppress(OSError):
            half.unlink(missing_ok=True)
