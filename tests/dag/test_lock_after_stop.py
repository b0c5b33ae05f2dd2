"""A `dvc` that is killed between emptying and writing dvc.lock, by a fault at that very place, and the next start."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from helpers import warm
from helpers.project import ROOT
from pipeline.runner.lock_guard import SAFE

pytestmark = pytest.mark.slow

KILLED = """
import os, runpy, signal, sys
from ruamel.yaml import YAML

left, plain = int(os.environ["AT"]), YAML.dump

def dump(self, data, stream=None, **more):
    global left
    ours = os.path.basename(str(getattr(stream, "name", ""))).startswith("dvc.lock")
    left -= ours
    if ours and left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, data, stream, **more)

YAML.dump = dump
if __name__ == "__main__":
    {run}
"""
DVC = "from dvc.cli import main; sys.exit(main(sys.argv[1:]))"
STAGE = """
from pathlib import Path

from pipeline.runner.stage import stage


@stage(reads="", paths="out")
def main(context):
    with Path("ran").open("a") as file:
        print(context.args.out, file=file)
    context.args.out.write_text(f"{context.args.out}")
    return "done"
"""


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `.dvc` of a project that DVC has made, which is the same for each."""
    folder = tmp_path_factory.mktemp("empty")
    assert run(folder, "dvc", "init", "--no-scm", "-q").returncode == 0
    return folder / ".dvc"


@pytest.fixture
def project(empty: Path, tmp_path: Path) -> Path:
    """A project of three stages of ours, each on the one before."""
    shutil.copytree(empty, tmp_path / ".dvc")
    stages, before = {}, "stages"
    for name in ("a", "b", "c"):
        stages[name] = {"cmd": f"python -m stages.toy --out {name}", "deps": [before], "outs": [name]}
        before = name
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
    (tmp_path / "params.yaml").write_text("runtime: {}\n", encoding="utf-8")
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/toy.py").write_text(STAGE, encoding="utf-8")
    (tmp_path / "pipeline").symlink_to(ROOT / "pipeline")
    script = ROOT / "scripts" / "repro.py"
    ours = f"sys.argv[0] = {str(script)!r}; runpy.run_path({str(script)!r}, run_name='__main__')"
    for name, body in (("dvc", DVC), ("repro.py", ours)):
        (tmp_path / "killed").mkdir(exist_ok=True)
        (tmp_path / "killed" / name).write_text(KILLED.replace("{run}", body), encoding="utf-8")
    return tmp_path


def run(root: Path, *words: str, at: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**warm.environment(), "AT": str(at), "PYTHONDONTWRITEBYTECODE": "1"}
    if at:  # a stage that looks after its `dvc` has to be its child
        environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(words, cwd=root, capture_output=True, text=True, env=environment, timeout=120)


def test_plain_dvc_repro_starts_again(project):
    """The process that the stage `a` started puts back what the killed `dvc` emptied."""
    stopped = run(project, sys.executable, "killed/dvc", "repro", at=2)
    assert (stopped.returncode, "Running stage 'b'" in stopped.stdout) == (-9, True)
    until = time.monotonic() + 5
    while not (project / "dvc.lock").stat().st_size and time.monotonic() < until:
        time.sleep(0.02)
    again = run(project, "dvc", "repro")
    assert again.returncode == 0, again.stderr
    assert (project / "ran").read_text() == "a\nb\nc\n", "no stage ran twice"
    assert "up to date" in run(project, "dvc", "status").stdout
    while list((project / ".dvc/tmp").glob("guard-*")) and time.monotonic() < until + 5:
        time.sleep(0.02)
    assert not list((project / ".dvc/tmp").glob("guard-*"))


def test_our_script_leaves_it_whole_and_starts_again(project):
    stopped = run(project, sys.executable, "killed/repro.py", at=2)
    assert (stopped.returncode, "Running stage 'b'" in stopped.stdout) == (-9, True)
    assert list(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == ["a"]
    again = run(project, "dvc", "repro")
    assert again.returncode == 0, again.stderr
    assert (project / "ran").read_text() == "a\nb\nc\n"


def test_our_script_mends_what_was_left(project, monkeypatch):
    script = str(ROOT / "scripts" / "repro.py")
    monkeypatch.setenv(SAFE, "1")  # so that no process is left that would be first
    assert run(project, "dvc", "repro").returncode == 0
    assert not list((project / ".dvc/tmp").glob("guard-*"))
    (project / "dvc.lock").write_bytes(b"")
    for jobs in ("1", "2"):
        again = run(project, "python", script, "--jobs", jobs)
        assert again.returncode == 0, again.stderr
        assert ("dvc.lock was empty after a stop" in again.stderr) == (jobs == "1")
    assert (project / "ran").read_text() == "a\nb\nc\n"
