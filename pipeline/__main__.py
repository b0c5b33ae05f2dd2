"""`python -m pipeline`: look at what the stages made, apply it to new clips, and look after what they need."""

from __future__ import annotations

import os
import sys

from pipeline.runner.console import INTERRUPTED, USAGE, WELL, WRONG, say
from pipeline.runner.own_environment import MAKE, fault


def main(argv: list[str] | None = None) -> int:
    """Run one command in this process, without a log, and return the exit code; an unforeseen error is raised."""
    from pipeline.cli.application import run

    return run(sys.argv[1:] if argv is None else argv)


def console() -> int:
    """Do what `main` does as a process of its own: with a log, and one line for every error."""
    words = sys.argv[1:]
    try:
        from pipeline.cli import application

        if application.COMPLETE in os.environ:
            return application.complete()
        return application.run(words, log=True) if words else application.run(["--help"]) or USAGE
    except ImportError as error:  # typer, rich or what they rest on; of a command's own imports its log tells
        return _without(error)


def _without(error: ImportError) -> int:
    """Say that a package of the command line itself is missing or broken; the doctor runs nevertheless."""
    if sys.argv[1:2] != ["doctor"]:
        return say(f"{sys.executable}: {error}; {MAKE}")
    from pathlib import Path

    from pipeline.cli.doctor.checks import report

    text, ok = report(Path("params.yaml"), Path("requirements.lock"), "--quick" in sys.argv)
    print(text)
    return WELL if ok else WRONG


def _leave() -> int:
    if line := fault():  # what is imported from here on has words that an older one does not know
        return say(line)
    try:
        return console()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `inspect ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be flushed into the pipe
        return WELL


if __name__ == "__main__":
    sys.exit(_leave())
