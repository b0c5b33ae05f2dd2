"""The command line of `python -m pipeline`, made of the files of `commands/`: help by groups, near misses, completion.

Nothing is imported here but Python's own library, and of the commands only the one that is asked for: `doctor` has to
run where packages are missing, and completion should not keep anybody waiting.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.core.errors import PipelineError, did_you_mean
from pipeline.runner.console import tinted

ROOT = Path(__file__).resolve().parents[3]
GROUPS = {
    "look at results": ("results", "inspect", "explain", "faces"),
    "apply them": ("predict",),
    "look after the project": ("doctor", "check", "profile", "cache", "weights", "corpus", "environment", "completion"),
}
OTHERS = "more"
FIRST = """\
  python -m pipeline doctor                                    is all here that is needed?
  make repro                                                   demo corpus, all stages, results
  python -m pipeline results                                   all tables again, and reports/index.html
  python -m pipeline inspect features/demo/lld147.h5           what is in a feature file
  python -m pipeline explain demo s01_anger_1                  one clip's way, from file to emotion
  python -m pipeline predict clip.mp4                          what the trained system says of a new clip"""
CODES = """\
  0 all is well   1 something is wrong, said in one line   2 wrong command line   130 Ctrl-C"""
FURTHER = """\
`python -m pipeline COMMAND --help` has examples. What happened is kept in .cache/logs; with AVEMOTION_DEBUG=1 an
unforeseen error also shows its traceback. NO_COLOR=1 does without colour."""


class Parser(argparse.ArgumentParser):
    """Suggests the nearest name where argparse would list all of them."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, f"no '{value}'{did_you_mean(str(value), map(str, action.choices))}")


class _Broken:
    """Stands in for a command whose file cannot be imported."""

    def __init__(self, name: str, error: Exception) -> None:
        self.name, self.error = name, error

    def add(self, parser: argparse.ArgumentParser) -> None:
        """Take any arguments."""
        parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)

    def run(self, _: argparse.Namespace) -> str:
        """Say why it cannot run."""
        reason = f"{type(self.error).__name__}: {self.error}"
        raise PipelineError(f"the command {self.name} does not load ({reason}); run `python -m pipeline doctor`")


def parser(folder: Path, words: Sequence[str] | None = None) -> Parser:
    """Return the parser of all commands, one per file of a folder.

    Args:
        folder: of the commands
        words: the command line; only the command that it names gets its arguments. All do if it is not given
    """
    texts = {path.stem: _docstring(path) for path in sorted(folder.glob("[!_]*.py"))}
    found = Parser(prog="python -m pipeline", add_help=True, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.usage = "python -m pipeline [-h] [--version] COMMAND ..."
    found.description = description(texts)
    found.add_argument("--version", action="version", version=_version(), help="print the version")
    commands = found.add_subparsers(required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="python -m pipeline")
    asked = next((word for word in words or () if not word.startswith("-")), "")
    for name, text in texts.items():
        command = commands.add_parser(
            name, description=text, help=text.split("\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if words is None or name == asked:
            module = _module(name)
            module.add(command)
            command.set_defaults(run=module.run)
    return found


def description(texts: dict[str, str]) -> str:
    """Return the help: what it is for, first steps, the commands by groups, exit codes."""
    known = {name for names in GROUPS.values() for name in names}
    groups = {**GROUPS, OTHERS: tuple(name for name in texts if name not in known)}
    lines = ["See results, follow a clip, judge new clips, look after the project.", "", _heading("first steps"), FIRST]
    for title, names in groups.items():
        here = [name for name in names if name in texts]
        if here:
            lines += ["", _heading(title), *(f"  {name:<12} {texts[name].splitlines()[0]}" for name in here)]
    return "\n".join([*lines, "", _heading("exit codes"), CODES, "", FURTHER])


def _heading(text: str) -> str:
    return tinted(f"{text}:", "bold", sys.stdout)


def _docstring(path: Path) -> str:
    """Return a file's docstring without importing it."""
    try:
        return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    except (OSError, SyntaxError, ValueError) as error:
        return f"(does not load: {error})"


def _module(name: str) -> Any:
    try:
        return import_module(f"pipeline.cli.commands.{name}")
    except Exception as error:  # noqa: BLE001 - a command that cannot be imported is told of when it is run
        return _Broken(name, error)


def _version() -> str:
    import tomllib

    try:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return f"{project['name']} {project['version']}"
    except (OSError, ValueError, LookupError):
        return "avemotion-pipeline, version unknown: there is no pyproject.toml beside it"


def elsewhere(args: argparse.Namespace) -> str:
    """Return what to say where a command wants the project's files and this is another folder; empty where all is well."""
    wanted = [Path(name) for name in ("params.yaml",) if getattr(args, "params", None) == Path(name)]
    wanted += [Path("reports")] if getattr(args, "reports", None) == Path("reports") and not wanted else []
    if any(not path.exists() and (ROOT / path).exists() for path in wanted) and Path.cwd() != ROOT:
        return f"this is not the project's folder; run the command there: cd {ROOT}"
    return ""


def typed() -> list[str]:
    """Return the words behind `python -m pipeline`: of the command line, or of the one that a shell wants to complete."""
    if "_ARGCOMPLETE" not in os.environ:
        return sys.argv[1:]
    return os.environ.get("COMP_LINE", "").split()[int(os.environ["_ARGCOMPLETE"]) :]


def complete(found: argparse.ArgumentParser) -> None:
    """Answer the shell that asks for completions, and leave."""
    import argcomplete

    from pipeline.cli.commands import _completers

    _completers.attach(found)
    argcomplete.autocomplete(found, always_complete_options="long")
