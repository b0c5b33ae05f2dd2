"""What commands and stages say on the screen, which is theirs alone: colour where a person looks at it, an error in
one line, Ctrl-C as an exit code; what libraries, native code and workers say goes to the log.

Exit codes: 0 all well, 1 something is wrong and was said in one line, 2 the command line is wrong, 130 Ctrl-C.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TextIO

WELL, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}


def colours(stream: TextIO) -> bool:
    """Tell whether a stream takes colour: NO_COLOR forbids it, FORCE_COLOR asks for it; otherwise a terminal has it."""
    if os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") != "0" for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return os.environ.get("CLICOLOR") != "0" and os.environ.get("TERM") != "dumb" and stream.isatty()


def tinted(text: str, style: str, stream: TextIO) -> str:
    """Return text in bold, red, green or yellow, where the stream takes that."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if text and colours(stream) else text


def error_line(text: str) -> str:
    """Return `error: ...` for standard error, on one line."""
    return f"{tinted('error:', 'red', sys.stderr)} {' '.join(text.split())}"


def say(text: str) -> int:
    """Print an error on one line, and return the exit code for it."""
    print(error_line(text), file=sys.stderr)
    return WRONG


def os_words(error: OSError) -> str:
    """Return what the operating system refused, and where; HDF5 hides the reason in its own words."""
    hidden = re.search(r"errno = (\d+)", str(error))
    number = error.errno or (int(hidden[1]) if hidden else None)
    reason = os.strerror(number) if number else " ".join(str(error).split()) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def mute_interrupts() -> None:
    """Until `hear_interrupts`, let Ctrl-C end the process at once, with one line: while modules are imported nothing is
    at stake yet. Where it is ignored, under nohup and in the background of a script, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def hear_interrupts() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    os.write(2, b"interrupted before anything began\n")
    os._exit(INTERRUPTED)


class Divert:
    """Sends warnings, log records and what native code and workers write to standard error to the log.

    The screen keeps `sys.stderr`, and so what we say; it is descriptor 2 that leads to the log, with which FFmpeg,
    OpenCV, OpenMP and every process that is started from here speak.
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
