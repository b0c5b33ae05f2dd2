"""`python -m pipeline`: look at what the stages made, apply it to new clips, and get the weights that some of them need."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from pipeline.core.errors import PipelineError


def main(argv: list[str] | None = None) -> int:
    """Run one command and return the exit code."""
    args = parser().parse_args(argv)
    try:
        outcome = args.run(args)
    except PipelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    text, ok = outcome if isinstance(outcome, tuple) else (outcome, True)
    print(text)
    return 0 if ok else 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands, one per file of `commands/`."""
    found = argparse.ArgumentParser(prog="python -m pipeline", description="See results, judge new clips, follow a clip, look after caches and weights.")
    commands = found.add_subparsers(required=True, metavar="command")
    for name in sorted(path.stem for path in (Path(__file__).parent / "commands").glob("[!_]*.py")):
        module = import_module(f"pipeline.commands.{name}")
        words = (module.__doc__ or "").strip()
        command = commands.add_parser(
            name, help=words.split("\n")[0], description=words, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.add(command)
        command.set_defaults(run=module.run)
    return found


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:  # `inspect ... | head`
        sys.stderr.close()
