"""Standard error for the user alone: what libraries, native code and workers say there goes to a file, and is
not lost.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress


class Divert:
    """Sends warnings, log records and what native code and workers write to standard error to the log; ours still go to
    the screen.

    The screen keeps `sys.stderr`; it is descriptor 2 that leads to the log, with which FFmpeg, OpenCV, OpenMP and every
    process that is started from here speak.
    """

    def __init__(self, file: int, note: Callable[[str], None]) -> None:
        self._handler = _ToLog(note)
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self._handler)
        self._stderr, self._screen = sys.stderr, None
        self._crashes = not faulthandler.is_enabled()
        if self._crashes:
            faulthandler.enable(file)  # where native code was when it crashed
        with suppress(OSError, ValueError, AttributeError):  # a test's stand-in for a stream has no descriptor
            if sys.stderr.fileno() == 2:
                self._stderr.flush()
                kept = os.dup(2)
                self._screen = sys.stderr = os.fdopen(
                    kept, "w", buffering=1, encoding=self._stderr.encoding, errors="backslashreplace"
                )
                os.dup2(file, 2)

    def end(self) -> None:
        """Give everything back."""
        logging.getLogger().removeHandler(self._handler)
        logging.captureWarnings(False)
        if self._crashes:
            faulthandler.disable()
        if self._screen is not None:
            self._screen.flush()
            os.dup2(self._screen.fileno(), 2)
            sys.stderr = self._stderr
            self._screen.close()


class _ToLog(logging.Handler):
    def __init__(self, note: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(f"{record.levelname.lower()} of {record.name}: {self.format(record).rstrip()}")
