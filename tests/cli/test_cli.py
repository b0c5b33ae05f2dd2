"""`python -m pipeline` as a whole: help, exit codes, completion, colour, Ctrl-C, one line for every error."""

from __future__ import annotations

import ast
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import warm
from helpers.project import ROOT
from pipeline.__main__ import main
from pipeline.cli import application
from pipeline.cli.application import COMMANDS
from pipeline.runner import console

NAMES = sorted(path.stem for path in COMMANDS.glob("[!_]*.py"))
PARAMS = """
runtime: {workers: 1}
corpora:
  demo: {adapter: demo, root: data/demo}
  mine: {adapter: manifest_csv, root: data/mine}
"""


def run(*words: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
    }
    full = {**plain, "PYTHONPATH": os.fspath(ROOT), **environment}
    python = sys.executable if environment else warm.python()  # libraries ask about colour when they are imported
    return subprocess.run(
        [python, "-m", "pipeline", *words], cwd=cwd, env=full, capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with settings, a feature file's name and a manifest."""
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "weights.lock").write_text("net_a: {}\nnet_b: {}\n")
    (tmp_path / "features/demo").mkdir(parents=True)
    (tmp_path / "features/demo/lld147.h5").touch()
    (tmp_path / "features/demo/notes.txt").touch()
    (tmp_path / "features/demo/manifest.csv").write_text("clip_id,path\ns01_anger_1,a.mp4\ns02_happy_1,b.mp4\n")
    return tmp_path


def test_help_has_every_command_in_a_group_first_steps_and_exit_codes():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for name in NAMES:
        assert re.search(rf"^│ {name} +\S", done.stdout, re.MULTILINE), name
    assert len(re.findall(r"^ +(python -m pipeline|make) \w+ ", done.stdout, re.MULTILINE)) == 6
    for words in ("first steps:", "─ look at results ─", "─ look after the project ─", "exit codes:", "130 Ctrl-C"):
        assert words in done.stdout
    assert "does not load" not in done.stdout


@pytest.fixture
def rebuilt() -> Iterator[None]:
    """The parser is built anew, and not kept."""
    application.application.cache_clear()
    yield
    application.application.cache_clear()


@pytest.mark.usefixtures("rebuilt")
def test_a_command_of_no_group_is_listed_too(monkeypatch, capsys):
    monkeypatch.setattr(application, "GROUPS", {"look at results": ("results",)})
    assert main(["--help"]) == 0
    assert re.search(r"─ more ─+╮\n│ align .*", capsys.readouterr().out)


@pytest.mark.parametrize("words", [(), ("explain",), ("faces",), ("profile",)])
def test_examples_are_indented_and_fit_80_columns(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([*words, "--help"]) == 0
    _, _, after = capsys.readouterr().out.partition("examples:" if words else "first steps:")
    lines = [line.rstrip() for line in after.splitlines()[1:]]
    lines = lines[: lines.index("")]
    if words == ("profile",):
        lines = lines[:2]
    assert len(lines) >= 2
    assert all(re.match(r"   (python|make) ", line) for line in lines), "no line goes on below"


def test_without_a_command_the_help_is_printed_and_the_code_is_2():
    done = run()
    assert (done.returncode, done.stderr) == (2, "")
    assert "first steps:" in done.stdout


def test_version():
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, "avemotion-pipeline 0.1.0\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["inspct"], "No such command 'inspct'. Did you mean 'inspect'?"),
        (["weights", "fech"], "No such command 'fech'. Did you mean 'fetch'?"),
        (["inspect", "x.h5", "--clp", "y"], "No such option: --clp (Possible options: --clip"),
        (["completion", "bsh"], "'bsh' is not one of 'bash', 'zsh', 'fish'"),
        (["weights"], "Missing command"),
        (["explain", "demo"], "Missing argument 'CLIP'"),
        (["predict", "x.mp4", "--hop", "often"], "Invalid value for '--hop'"),
        (["inspect", "x.h5", "--plot", "a.png", "--diff", "y.h5"], "--plot and --diff are two questions"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_tells_what_is_near_and_the_code_is_2(words, said, capsys):
    code, (printed, errors) = main(words), capsys.readouterr()
    assert (code, printed, errors.count("\n")) == (2, "", 1)
    assert said in errors
    assert re.search(r"\(see `python -m pipeline[a-z ]* --help`\)\n$", errors)


def examples() -> list[tuple[str, list[str]]]:
    """Return every `python -m pipeline` line of the commands' docstrings and of the first steps."""
    texts = {name: ast.get_docstring(ast.parse((COMMANDS / f"{name}.py").read_text())) for name in NAMES}
    texts["first steps"] = application.FIRST
    found = []
    for name, text in texts.items():
        for line in re.findall(
            r"^  (?:source <\(|env \$\(|\w+=\S+ )?python -m pipeline ([^\n)|>]*)", text, re.MULTILINE
        ):
            found.append((name, shlex.split(re.split(r" {3,}", line)[0], comments=True)))
    return found


@pytest.mark.parametrize(("name", "words"), examples())
def test_examples_are_sound_command_lines(name, words, monkeypatch):
    monkeypatch.setattr(application.Command, "invoke", lambda command, context: 77)
    assert main(words) == 77


def test_every_command_has_examples():
    assert {name for name, _ in examples()} >= set(NAMES)


@pytest.mark.usefixtures("rebuilt")
def test_a_command_that_does_not_load_leaves_the_others(tmp_path, monkeypatch, capsys):
    for name in ("environment", "broken"):
        (tmp_path / f"{name}.py").touch()
    load = application.import_module

    def some(name):
        if name.endswith("broken"):
            raise ImportError("no [such] thing")
        return load(name)

    monkeypatch.setattr(application, "COMMANDS", tmp_path)
    monkeypatch.setattr(application, "import_module", some)
    assert main(["--help"]) == 0
    assert "(does not load: ImportError: no [such] thing)" in capsys.readouterr().out
    assert main(["broken", "any", "--thing"]) == 1
    assert capsys.readouterr().err == (
        "error: the command broken does not load (ImportError: no [such] thing); run `python -m pipeline doctor`\n"
    )
    assert main(["environment"]) == 0


def test_the_heavy_modules_of_a_command_wait_until_it_runs():
    code = "import sys; from pipeline.cli.application import application; application(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"numpy", "h5py", "torch", "pandas", "yaml"} & set(done.stdout.split())


def test_a_stage_imports_nothing_of_the_command_line():
    code = "import sys, stages.extract, pipeline.runner.progress, pipeline.runner.stage; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"typer", "rich", "tqdm", "pipeline.cli"} & set(done.stdout.split())


def test_in_another_folder_it_says_where_to_go(tmp_path, monkeypatch, capsys):
    told = f"error: this is not the project's folder; run the command there: cd {ROOT}\n"
    done = run("inspct", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = run("check", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", told)
    monkeypatch.chdir(tmp_path)
    for words in (["check"], ["results"], ["doctor"], ["explain", "demo", "x"], ["cache", "status"]):
        assert (main(words), *capsys.readouterr()) == (1, "", told)
    assert run("environment", cwd=tmp_path).returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_system_are_one_line(tmp_path, capsys):
    (tmp_path / "params.yaml").mkdir()
    assert main(["weights", "list", "--lock", str(tmp_path / "none.lock")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


BUG = (
    "import sys, pipeline.cli.commands.environment as e; e.run = lambda: 1 / 0; from pipeline.__main__ import "
    "console; sys.exit(console())"
)


def test_a_bug_in_a_command_is_one_line_and_the_log_has_the_rest(project):
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    command = [sys.executable, "-c", BUG, "environment"]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    (log,) = (project / ".cache/logs").glob("*-commands.log")
    assert done.stderr == (
        f"error: ZeroDivisionError: division by zero; this is a bug; the whole story is in {log.relative_to(project)}\n"
    )
    assert "Traceback (most recent call last)" in log.read_text()
    shown = subprocess.run(
        command, cwd=project, env={**environment, "AVEMOTION_DEBUG": "1"}, capture_output=True, text=True, check=False
    )
    assert "Traceback (most recent call last)" in shown.stderr


def test_a_reader_that_stops_is_no_error():
    line = f"set -o pipefail; {shlex.quote(warm.python())} -m pipeline weights list | head -n 1"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_in_a_command_is_one_line_and_leaves_no_process():
    """The doctor has other processes under way, all of which a terminal interrupts, too."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "doctor"], cwd=ROOT, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while len(children.read_text().split()) < 5:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    printed, errors = process.communicate(timeout=30)
    assert (process.returncode, printed, errors) == (130, "", "interrupted\n")
    end = time.monotonic() + 10
    while alive(process.pid) and time.monotonic() < end:  # what was killed may still wait for somebody to take note
        time.sleep(0.05)
    assert not alive(process.pid)


def alive(group: int) -> bool:
    """Tell whether a process group has anybody in it."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


DEFINE = 'eval "$({python} -m pipeline completion bash)"'
COMPLETE = """
LAST={last}
COMP_WORDS=({words} "$LAST"); COMP_LINE="{words} $LAST"; COMP_POINT=${{#COMP_LINE}}
COMP_TYPE=9; COMP_CWORD=$((${{#COMP_WORDS[@]}}-1))
_avemotion "${{COMP_WORDS[0]}}" "$LAST"
printf '%s\\n' "${{COMPREPLY[@]}}"; echo "{end}"
"""
"""What bash has after a Tab; a file name, it offers itself where this is empty (`complete -o default`)."""
END = "--- the next one"


OFFERED = [
    ("", "insp", {"inspect"}),
    ("", "", {*NAMES}),
    ("", "--", {"--help", "--version"}),
    ("explain", "d", {"demo"}),
    ("explain", "", {"demo", "mine"}),
    ("explain", "--", {"--help", "--features", "--reports", "--params"}),
    ("explain demo", "s01", {"s01_anger_1"}),
    ("explain demo s01_anger_1", "l", {"lld147"}),
    ("inspect", "--cl", {"--clip"}),
    ("inspect", "features/demo/", {""}),
    ("inspect features/demo/lld147.h5 --clip", "s02", {"s02_happy_1"}),
    ("weights", "ve", {"verify"}),
    ("weights fetch", "net", {"net_a", "net_b"}),
    ("corpus check", "mi", {"mine"}),
    ("completion", "z", {"zsh"}),
]
"""Words that were typed, the one before the cursor, and what is offered."""


def test_bash_completes(project):
    """All in one shell, which asks for the function that completes once, as a user's does."""
    python = shlex.quote(warm.python())
    asked = [
        COMPLETE.format(words=f"{python} -m pipeline {typed}".strip(), last=shlex.quote(last), end=END)
        for typed, last, _ in OFFERED
    ]
    done = subprocess.run(
        ["bash", "--norc", "-c", "".join([DEFINE.format(python=python), *asked])],
        cwd=project,
        env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    *found, rest = done.stdout.split(f"{END}\n")
    assert rest == ""
    shown = {
        (typed, last): {w.strip() for w in text.splitlines()}
        for (typed, last, _), text in zip(OFFERED, found, strict=True)
    }
    assert shown == {(typed, last): offered for typed, last, offered in OFFERED}


ASKED = {
    "bash": {"COMP_WORDS": "pipeline faces ", "COMP_CWORD": "2"},
    "zsh": {"_TYPER_COMPLETE_ARGS": "pipeline faces "},
    "fish": {"_TYPER_COMPLETE_ARGS": "pipeline faces ", "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}


@pytest.mark.parametrize("shell", ASKED)
def test_completion_is_quick_and_leaves_no_log(project, shell):
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT), application.COMPLETE: f"complete_{shell}"}
    begin = os.times().children_user
    done = subprocess.run(
        [sys.executable, "-m", "pipeline"], cwd=project, env=environment | ASKED[shell], capture_output=True, text=True,
        timeout=30, check=False,
    )  # fmt: skip
    assert "demo" in done.stdout
    assert "mine" in done.stdout
    assert os.times().children_user - begin < 1.5  # of this processor, whatever else it does; 0.3 s as measured
    assert not (project / ".cache").exists()


def test_a_python_without_any_package_is_told_what_to_do():
    code = "import sys; sys.argv = ['x', '--help']; import runpy; runpy.run_module('pipeline', run_name='__main__')"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        done.stderr
        == f"error: {sys.executable}: No module named 'typer'; run `make venv`, then `. .venv/bin/activate`\n"
    )


def test_an_old_python_gets_one_line():
    code = (
        "import sys; sys.version_info = (3, 9, 18); sys.argv = ['x', 'doctor']; import runpy; "
        "runpy.run_module('pipeline', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "is Python 3.9.18, but 3.11 or newer is needed; run `make venv`" in done.stderr


def on_terminal(*words: str, **environment: str) -> str:
    """Run a command with a terminal for its output, and return what it wrote there."""
    ours, theirs = pty.openpty()
    plain = {
        name: value
        for name, value in os.environ.items()
        if name not in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words],
        cwd=ROOT,
        stdout=theirs,
        stderr=theirs,
        env={**plain, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # Linux says so when the other side is gone
            break
        if not part:
            break
        written += part
    process.wait(60)
    os.close(ours)
    return written.decode()


WRONG = ("inspect", "no_such_file")


def test_colour_is_for_terminals():
    assert "\x1b[31merror:\x1b[0m no_such_file" in on_terminal(*WRONG)
    assert "\x1b[1mfirst steps:\x1b[0m" in on_terminal("--help")
    for asked in ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CLICOLOR": "0"}):
        assert "\x1b[" not in on_terminal("--help", **asked)
    assert "\x1b[1mfirst steps:\x1b[0m" in run("--help", FORCE_COLOR="1").stdout
    for done in (run(*WRONG), run("--help")):
        assert "\x1b" not in done.stdout + done.stderr


def test_colour_is_what_the_environment_asks_for():
    assert "\x1b" not in on_terminal(*WRONG, NO_COLOR="1")
    assert "\x1b" not in on_terminal(*WRONG, CLICOLOR="0")
    assert "\x1b" not in on_terminal(*WRONG, TERM="dumb")
    assert run(*WRONG, FORCE_COLOR="1").stderr.startswith("\x1b[31merror:\x1b[0m")
    assert run(*WRONG, CLICOLOR_FORCE="1").stderr.startswith("\x1b[31merror:")
    assert run(*WRONG, FORCE_COLOR="1", NO_COLOR="1").stderr.startswith("error:")


def test_exit_codes_are_those_of_the_help():
    assert [int(code) for code in re.findall(r"^  (\d+) ", application.CODES, re.MULTILINE)] == [
        console.WELL,
        console.WRONG,
        console.USAGE,
        console.INTERRUPTED,
    ]
