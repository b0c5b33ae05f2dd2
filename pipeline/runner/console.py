"""What commands and stages say on the screen: colour where a person looks at it, an error in one line, Ctrl-C as an
exit code.

Exit codes: 0 all well, 1 something is wrong and was said in one line, 2 the command line is wrong, 130 Ctrl-C.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from types import FrameType
from typing import TextIO

WELL, WRONG, USAGE, INTERRUPTED = 0, 1, 2, 130
_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33"}


def colours(stream: TextIO) -> bool:
    """Tell whether a stream takes colour: NO_COLOR forbids it, FORCE_COLOR asks for it, CLICOLOR=0 does without,
    otherwise a terminal has it.
    """
    if os.environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if os.environ.get(name, "0") != "0":
            return True
    if os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb":
        return False
    return stream.isatty()


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
    at stake yet.

    Where Ctrl-C is ignored, under nohup and in the background of a script, it stays so.
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
