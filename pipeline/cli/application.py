"""The command line of `python -m pipeline`, made of the files of `commands/`: help by groups, near misses, errors, log.

Typer parses, helps and completes. Only what is light is imported here and at the top of a command's file.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.markup import escape
from typer.completion import completion_init  # type: ignore[attr-defined]
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from pipeline.core.errors import PipelineError
from pipeline.runner.console import WELL, WRONG, colours, os_words, say
from pipeline.runner.runlog import FOLDER, RunLog

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = Path(__file__).parent / "commands"
PROGRAM = "python -m pipeline"
COMPLETE = "_AVEMOTION_COMPLETE"
"""Set where a shell asks for completions; `commands/completion.py` has the shells' side."""
GROUPS = {
    "look at results": ("results", "inspect", "explain", "faces"),
    "apply them": ("predict",),
    "look after the project": (
        "doctor",
        "check",
        "profile",
        "cache",
        "weights",
        "corpus",
        "align",
        "environment",
        "completion",
    ),
}
OTHERS = "more"
FIRST = """\
  python -m pipeline doctor                            is all here?
  make repro                                           demo: stages, results
  python -m pipeline results                           all tables, HTML page
  python -m pipeline inspect features/demo/lld147.h5   what is in a file
  python -m pipeline explain demo s01_anger_1          walk through one clip
  python -m pipeline predict clip.mp4                  emotions of a new clip"""
CODES = """\
  0 all is well
  1 something is wrong, said in one line
  2 wrong command line
  130 Ctrl-C"""
HELP = f"""See results, follow a clip, judge new clips, look after the project.

[bold]first steps:[/bold]
{FIRST}

[bold]exit codes:[/bold]
{CODES}

`python -m pipeline COMMAND --help` has examples. What happened is kept in .cache/logs; AVEMOTION_DEBUG=1 shows the \
traceback of an unforeseen error. NO_COLOR=1 does without colour."""
_ANY = {"allow_extra_args": True, "ignore_unknown_options": True}


class Command(TyperCommand):
    """Prints what its function returns; an error is one line, and the whole story stands in the log if one is kept."""

    def invoke(self, ctx: Any) -> int:
        """Run and return the exit code; `ctx.obj` is the command line where a log is kept."""
        if elsewhere := _elsewhere(ctx.params):
            return say(elsewhere)
        if ctx.obj is None:
            return _said(lambda: TyperCommand.invoke(self, ctx))
        folder = FOLDER if Path("params.yaml").is_file() else ROOT / FOLDER  # none is left behind in just any folder
        with RunLog(ctx.obj[0], [PROGRAM, *ctx.obj], "command", folder=folder) as log:
            try:
                code = _said(lambda: TyperCommand.invoke(self, ctx))
                sys.stdout.flush()
            except (BrokenPipeError, typer.Exit, typer.TyperException):
                raise
            except KeyboardInterrupt:
                log.failed("interrupted")
                raise
            except Exception as error:  # noqa: BLE001 - a bug: the user gets a line, the log the traceback
                code = say(log.unforeseen(error))
            log.ended(code == WELL)
        return code


def run(words: Sequence[str], log: bool = False) -> int:
    """Run one command line and return its exit code; an error that nobody foresaw is raised where no log is kept."""
    group = application()
    if {"-h", "--help"} & set(words):  # typer's help has colour where ours has
        from typer import rich_utils

        on = colours(sys.stdout)
        rich_utils.COLOR_SYSTEM, rich_utils.FORCE_TERMINAL = ("auto" if on else None), (True if on else None)
        rich_utils.STYLE_HELPTEXT = ""
    try:
        with group.make_context(PROGRAM, list(words), obj=list(words) if log else None) as context:
            return group.invoke(context)
    except typer.Exit as left:
        return left.exit_code
    except typer.TyperException as error:
        path = error.ctx.command_path if getattr(error, "ctx", None) else PROGRAM  # type: ignore[attr-defined]
        say(f"{error.format_message()} (see `{path} --help`)")
        return error.exit_code


def complete() -> int:
    """Answer the shell that asks for completions, in typer's protocol."""
    completion_init()
    application().main([], prog_name="pipeline", complete_var=COMPLETE)
    return WELL


@cache
def application() -> TyperGroup:
    """Return the parser of all commands, one per file of `COMMANDS`, built once; one that does not load says so when it
    is run.
    """
    found = typer.Typer(add_completion=False, context_settings={"help_option_names": ["-h", "--help"]})
    found.callback(help=HELP)(_options)
    names = [path.stem for path in sorted(COMMANDS.glob("[!_]*.py"))]
    for panel, chosen in {**GROUPS, OTHERS: tuple(names)}.items():
        for name in chosen:
            if name in names:
                names.remove(name)
                _add(found, name, panel)
    return get_group(found)


def _add(found: typer.Typer, name: str, panel: str) -> None:
    try:
        module = import_module(f"pipeline.cli.commands.{name}")
    except Exception as error:  # noqa: BLE001 - one broken command leaves the others
        reason = f"{type(error).__name__}: {error}"

        def refuse() -> None:
            raise PipelineError(f"the command {name} does not load ({reason}); run `python -m pipeline doctor`")

        text = f"(does not load: {escape(reason)})"
        found.command(name, cls=Command, help=text, rich_help_panel=panel, context_settings=_ANY)(refuse)
        return
    text = escape(re.sub(r"(?<=\S)\n(?=\S)", " ", (module.__doc__ or name).strip()))  # prose flows, examples stay
    if not hasattr(module, "WAYS"):
        found.command(name, cls=Command, help=text, rich_help_panel=panel)(module.run)
        return
    below = typer.Typer()
    for way, function in module.WAYS.items():
        below.command(way, cls=Command)(function)
    below.callback()(lambda: None)  # so that it stays a group of one where there is one way only
    found.add_typer(below, name=name, help=text, rich_help_panel=panel)


def _version(asked: bool) -> None:
    import tomllib

    if asked:
        file = ROOT / "pyproject.toml"
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"] if file.is_file() else {}
        print("avemotion-pipeline", project.get("version", "of unknown version: there is no pyproject.toml beside it"))
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


def _options(version: _Version = False) -> None: ...


def _elsewhere(given: dict[str, Any]) -> str:
    """Return what to say where a command wants the project's files and this is another folder; empty if all is well."""
    wanted = Path("params.yaml") if "params" in given else Path("reports")
    named = given.get("params", given.get("reports"))
    if named == wanted and not wanted.exists() and (ROOT / wanted).exists() and Path.cwd() != ROOT:
        return f"this is not the project's folder; run the command there: cd {ROOT}"
    return ""


def _said(body: Callable[[], Any]) -> int:
    """Print what a command returns: text, alone or with whether all is well."""
    try:
        outcome = body()
    except PipelineError as error:
        return say(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return say(os_words(error))
    text, ok = cast(tuple[str, bool], outcome if isinstance(outcome, tuple) else (outcome, True))
    print(text)
    return WELL if ok else WRONG
