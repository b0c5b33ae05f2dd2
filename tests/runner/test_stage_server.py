"""The server that forks itself for each stage: a fork is to a stage what a process of its own would be."""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from helpers.project import ROOT
from pipeline.core.numeric import NUMERIC
from pipeline.runner import stage_client
from pipeline.runner.stage_client import StageServer, hand_over, wait
from pipeline.runner.stage_server import Request

TELL = """
import json, os, signal, sys
import pipeline.core.mark
print(json.dumps({
    "argv": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ), "path": sys.path[0],
    "cores": sorted(os.sched_getaffinity(0)), "interrupt": signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    "libraries": "wave" in sys.modules, "code": pipeline.core.mark.MARK, "main": __spec__.name, "name": __name__,
    "files": len(os.listdir("/proc/self/fd")), "writes_bytecode": not sys.dont_write_bytecode,
}))
"""
END = {
    "well": "raise SystemExit",
    "three": "raise SystemExit(3)",
    "words": "raise SystemExit('error: a line')",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "bug": "import atexit; atexit.register(print, 'tidied'); 1 / 0",
    "pause": "import os, pathlib, time; p = os.getpid(); pathlib.Path(f'begun-{p}').write_text(str(p)); time.sleep(60)",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Make a folder with stages, and with a module of the project's that is not as it is here."""
    root = tmp_path_factory.mktemp("project")
    for name, text in {"stages/tell.py": TELL, **{f"stages/{name}.py": text for name, text in END.items()}}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    for package in ("stages", "pipeline", "pipeline/core"):
        (root / package).mkdir(exist_ok=True)
        (root / package / "__init__.py").touch()
    (root / "pipeline/core/mark.py").write_text("MARK = 'of that folder'", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def server():
    with pytest.MonkeyPatch.context() as patch, StageServer(["wave"]) as started:
        patch.chdir(ROOT)
        wait(started.address)
        yield started


@pytest.fixture
def popen(server, monkeypatch):
    """Give what DVC gets in place of `subprocess.Popen`."""
    from dvc.stage import run

    monkeypatch.setattr(run, "subprocess", subprocess)
    hand_over(server.address, hears=signal.getsignal(signal.SIGINT) is not signal.SIG_IGN)
    return run.subprocess.Popen


PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": "", "ODD": "\u00e4"}


def ran(popen, capfd, folder: Path, command: str) -> tuple[int, str, str]:
    """Run a command as DVC runs it, and return its exit code and what it printed."""
    begun = popen(["/bin/sh", "-c", command], cwd=folder, env={**os.environ, **PATH}, close_fds=True)
    begun.communicate()
    return begun.returncode, *capfd.readouterr()


@pytest.mark.parametrize("writes", ["", "1"])
def test_a_fork_is_what_a_process_of_its_own_would_be(popen, capfd, folder, monkeypatch, writes):
    monkeypatch.setitem(PATH, "PYTHONDONTWRITEBYTECODE", writes)
    command = "python -m stages.tell --path 'a b' --other c=d"
    code, out, err = ran(popen, capfd, folder, command)
    assert (code, err) == (0, "")
    fork = json.loads(out)
    ran_alone = ran(subprocess.Popen, capfd, folder, command)
    alone = json.loads(ran_alone[1])
    assert (fork.pop("libraries"), alone.pop("libraries")) == (True, False)
    assert fork["environment"] == {**alone.pop("environment"), **fork["environment"]}
    assert fork.pop("environment").items() >= NUMERIC.items()
    assert fork == alone
    assert (fork["code"], fork["argv"]) == ("of that folder", ["--path", "a b", "--other", "c=d"])


@pytest.mark.parametrize(
    ("stage", "code", "said"),
    [
        ("well", 0, r""),
        ("three", 3, r""),
        ("words", 1, r"error: a line\n"),
        ("killed", -9, r""),
        ("bug", 1, r"Traceback[\s\S]*ZeroDivisionError: division by zero\n"),
        ("none", 1, r"[\s\S]*No module named stages\.none\n"),
    ],
)
def test_an_end_is_told_as_it_was(popen, capfd, folder, stage, code, said):
    found, out, err = ran(popen, capfd, folder, f"python -m stages.{stage}")
    assert found == code
    assert re.fullmatch(said, err)
    assert out == ("tidied\n" if stage == "bug" else "")


def test_a_script_runs_as_python_runs_it(server, capfd, tmp_path):
    (tmp_path / "script.py").write_text("import sys; print(sys.argv, __name__); sys.exit(4)", encoding="utf-8")
    script = os.fspath(tmp_path / "script.py")
    fork = stage_client.asked(server.address, Request([script, "a b"], os.fspath(tmp_path), {**os.environ}, [0], True))
    fork.communicate()
    assert (fork.returncode, capfd.readouterr().out) == (4, f"{[script, 'a b']} __main__\n")


def test_stages_run_side_by_side_and_ctrl_c_reaches_those_that_hear_it(server, folder, monkeypatch):
    environment = {**os.environ, **PATH}
    requests = [Request(["stages.pause"], os.fspath(folder), environment, [0], hears) for hears in (True, False)]
    began = time.monotonic()
    hearing, deaf = [stage_client.asked(server.address, request) for request in requests]
    pids = set[int]()
    while len(pids) < 2:
        assert time.monotonic() < began + 30
        pids = {int(file.read_text()) for file in folder.glob("begun-*") if file.read_text()}
    for pid in pids:
        os.kill(pid, signal.SIGINT)
    hearing.communicate()
    assert hearing.returncode in (1, -signal.SIGINT)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deaf.communicate()
    assert deaf.returncode == -signal.SIGKILL
    assert time.monotonic() < began + 60


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            ["/bin/sh", "-c", "python -m stages.train --out 'a b' --name x"],
            ["stages.train", "--out", "a b", "--name", "x"],
        ),
        (["/bin/bash", "--noprofile", "--norc", "-c", "python -m stages.code"], ["stages.code"]),
        (["/bin/sh", "-c", "python -m stages.code > log"], []),
        (["/bin/sh", "-c", "A=1 python -m stages.code"], []),
        (["/bin/sh", "-c", "python -m stages.code && echo done"], []),
        (["/bin/sh", "-c", "python -m stages.code --out $HOME"], []),
        (["/bin/sh", "-c", "python -m pipeline check"], []),
        (["/bin/sh", "-c", "python -m"], []),
        (["/bin/sh", "-c", "python -X dev -m stages.code"], []),
        (["/bin/sh", "-c", ""], []),
        ("python -m stages.code", []),
    ],
)
def test_what_a_shell_has_to_read_is_not_handed_over(command, words):
    assert stage_client._stage_words(command) == words


def test_what_no_shell_would_take_is_left_to_it(popen, capfd, folder):
    code, _, err = ran(popen, capfd, folder, "python -m stages.tell --path 'a")
    assert code != 0
    assert "nterminated" in err or "unexpected EOF" in err


def test_a_caller_that_ends_before_it_asks_costs_nothing(server, popen, capfd, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(server.address)
    assert ran(popen, capfd, folder, "python -m stages.three")[0] == 3


def test_without_a_server_a_stage_runs_as_it_would(monkeypatch, capfd, folder, tmp_path):
    from dvc.stage import run

    monkeypatch.setattr(run, "subprocess", subprocess)
    hand_over(os.fspath(tmp_path / "none"), hears=True)
    code, out, _ = ran(run.subprocess.Popen, capfd, folder, "python -m stages.tell")
    assert code == 0
    assert not json.loads(out)["libraries"]


def test_it_ends_with_the_process_that_started_it(tmp_path):
    start = "import time; from pipeline.runner.stage_client import StageServer; "
    start += "server = StageServer(['wave']); print(server._process.pid, server.address, flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", start], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    pid, address = process.stdout.readline().split()
    ends = os.pidfd_open(int(pid))
    process.kill()
    process.communicate()
    assert select.select([ends], [], [], 30)[0], "the server goes on alone"
    os.close(ends)
    shutil.rmtree(Path(address).parent, ignore_errors=True)


def test_an_import_that_fails_is_the_stages_to_tell():
    with StageServer(["no_such_library", "wave"]) as server:
        wait(server.address)
        assert Path(server.address).exists()
    assert not Path(server.address).exists()
