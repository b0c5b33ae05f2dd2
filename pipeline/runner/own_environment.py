"""Whether this Python is that of the project's environment; by Python's own library alone, and in words of old ones."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

MIN_PYTHON = (3, 11)
MAKE = "run `make venv`, then `. .venv/bin/activate`"


def fault(*packages: str) -> str:
    """Return why commands cannot run by this Python, in one line with the remedy; "" where it is new enough and has
    these packages, by the names of their modules.
    """
    if sys.version_info < MIN_PYTHON:
        version = ".".join(map(str, sys.version_info[:3]))
        return f"{sys.executable} is Python {version}, but 3.11 or newer is needed; {MAKE}"
    missing = ", ".join(name for name in packages if PathFinder.find_spec(name) is None)
    return lacks(missing) if missing else ""


def lacks(names: str) -> str:
    """Return the same for packages that were found to be missing."""
    return f"{sys.executable} has no {names}: this is not the project's environment, or not all of it; {MAKE}"


def unmet(error: BaseException) -> str:
    """Return what to say of an import that failed in another's package or for want of one; "" of any other error."""
    name = (getattr(error, "name", None) or "").partition(".")[0]
    if not isinstance(error, ImportError) or name in ("pipeline", "stages"):
        return ""
    if isinstance(error, ModuleNotFoundError) and name:
        return lacks(name)
    words = " ".join(str(error).split())
    return f"{sys.executable}: {words}; `python -m pipeline doctor` says what is broken; {MAKE}"


def leave_unless_here(*packages: str) -> None:
    """End this process with that line, before an import ends it with a traceback."""
    if line := fault(*packages):
        sys.exit(f"error: {line}")
