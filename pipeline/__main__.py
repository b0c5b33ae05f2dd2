"""`python -m pipeline`: look at what the stages made, apply it to new clips, and look after what they need."""

# PYTHON_ARGCOMPLETE_OK - the shell asks this file for completions; `python -m pipeline completion bash` says how

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import PipelineError
from pipeline.runner.console import INTERRUPTED, USAGE, WELL, WRONG, error_line, os_words

if TYPE_CHECKING:
    import argparse

    from pipeline.runner.runlog import RunLog

COMMANDS = Path(__file__).parent / "cli" / "commands"
MIN_PYTHON = (3, 11)


def main(argv: list[str] | None = None) -> int:
    """Run one command in this process and return the exit code; an error that nobody foresaw is raised."""
    words = sys.argv[1:] if argv is None else argv
    from pipeline.cli.commands import _parser

    found = _parser.parser(COMMANDS, words)
    if not words:
        found.print_help()
        return USAGE
    return _run(found.parse_args(words))


def parser() -> argparse.ArgumentParser:
    """Return the parser with the arguments of all commands."""
    from pipeline.cli.commands import _parser

    return _parser.parser(COMMANDS)


def _run(args: argparse.Namespace) -> int:
    try:
        outcome = args.run(args)
    except PipelineError as error:
        return _say(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return _say(os_words(error))
    text, ok = outcome if isinstance(outcome, tuple) else (outcome, True)
    print(text)
    return WELL if ok else WRONG


def _say(text: str) -> int:
    print(error_line(text), file=sys.stderr)
    return WRONG


def console() -> int:
    """Do what `main` does as a process of its own: with a log, one line for every error, and 130 at Ctrl-C."""
    from pipeline.cli.commands import _parser

    words = _parser.typed()
    found = _parser.parser(COMMANDS, words)
    if "_ARGCOMPLETE" in os.environ:
        _parser.complete(found)
    if not words:
        found.print_help()
        return USAGE
    args = found.parse_args(words)
    if elsewhere := _parser.elsewhere(args):
        return _say(elsewhere)
    from pipeline.runner.runlog import FOLDER, RunLog

    folder = (
        FOLDER if Path("params.yaml").is_file() else _parser.ROOT / FOLDER
    )  # none is left behind in just any folder
    with RunLog(words[0], ["python -m pipeline", *words], "command", folder=folder) as log:
        code = _logged(args, log)
        log.ended(code == WELL)
    return code


def _logged(args: argparse.Namespace, log: RunLog) -> int:
    try:
        code = _run(args)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        log.failed("interrupted")
        raise
    except Exception as error:  # noqa: BLE001 - a bug: the user gets a line, the log the traceback
        return _say(log.bug(error))
    return code


def _leave() -> int:
    if sys.version_info < MIN_PYTHON:  # what is imported from here on has words that an older one does not know
        version = ".".join(map(str, sys.version_info[:3]))
        return _say(
            f"{sys.executable} is Python {version}, but 3.11 or newer is needed; run `make venv`, then `. .venv/bin/activate`"
        )
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
