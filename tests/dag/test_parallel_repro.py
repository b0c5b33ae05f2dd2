"""scripts/repro.py: several stages at a time, by real DVC, on small pipelines of shell commands."""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helpers import warm
from helpers.project import ROOT
from pipeline.runner.stage_client import SERVER
from pipeline.runner.stage_order import in_order
from pipeline.runner.stage_pool import Done, shares

SCRIPT = ROOT / "scripts" / "repro.py"


@pytest.fixture(scope="module")
def repro() -> ModuleType:
    spec = importlib.util.spec_from_file_location("repro", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "DVC_NO_ANALYTICS": "1",
}


@cache
def _empty() -> Path:
    """Return the `.dvc` of a project that DVC has made, which is the same for each."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    subprocess.run(["dvc", "init", "--no-scm", "-q"], cwd=folder.name, env=warm.environment(), check=True)
    return Path(folder.name) / ".dvc"


class Pipeline:
    """A DVC project without git, whose stages are shell commands that each write a file of their own name."""

    def __init__(self, root: Path, **stages: tuple[str, tuple[str, ...]]) -> None:
        self.root = root
        shutil.copytree(_empty(), root / ".dvc")
        self.write(**stages)

    def write(self, **stages: tuple[str, tuple[str, ...]]) -> None:
        """Make dvc.yaml of {name: (command, stages that it reads)}."""
        content = {name: {"cmd": cmd, "deps": list(deps), "outs": [name]} for name, (cmd, deps) in stages.items()}
        (self.root / "dvc.yaml").write_text(yaml.safe_dump({"stages": content}), encoding="utf-8")

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command here, without failing on its exit code."""
        return subprocess.run(args, cwd=self.root, capture_output=True, text=True, env=warm.environment(), timeout=120)

    def repro(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run the script."""
        return self.run("python", str(SCRIPT), "--jobs", "2", *args)


# waits up to 30 s for a file that the other stage makes at once
MEET = (
    "touch {0}.begun; for i in $(seq 300); do [ -e {1}.begun ] && break; sleep 0.1; done; [ -e {1}.begun ] && echo "
    '{0} > {0}; echo "$AVEMOTION_RUN" > {0}.run'
)


def test_stages_run_together_a_second_run_runs_nothing_and_a_change_what_rests_on_it(tmp_path):
    """Those that do not need each other, which learn the name of the run."""
    stages = {
        "a": (MEET.format("a", "b"), ()),
        "b": (MEET.format("b", "a"), ()),
        "c": ("cat a b > c", ("a", "b")),
        "d": ("cat b > d", ("b",)),
    }
    pipeline = Pipeline(tmp_path / "p", **stages)
    done = pipeline.repro()
    assert done.returncode == 0, done.stdout + done.stderr
    assert (pipeline.root / "c").read_text() == "a\nb\n"
    assert run_name(pipeline, "a.run", "b.run")
    assert re.search(r"\[[34] of 4\] c: ", done.stdout)
    assert "git add" not in done.stdout
    again = pipeline.repro()
    assert (again.returncode, again.stdout) == (0, "Data and pipelines are up to date.\n")
    pipeline.write(**{**stages, "a": ("echo A > a", ())})
    changed = pipeline.repro()
    assert changed.returncode == 0
    assert [line for line in changed.stdout.splitlines() if line.endswith(" begins")] == ["a begins", "c begins"]
    assert (pipeline.root / "c").read_text() == "A\nb\n"
    pipeline.write(**{**stages, "a": ("printf 'A\\n' > a", ())})
    assert "[2 of 2] c: unchanged\n" in pipeline.repro().stdout


def test_only_what_a_target_rests_on_is_run_and_an_unknown_one_is_dvcs_to_complain_of(tmp_path):
    pipeline = Pipeline(tmp_path / "p", a=("echo a > a", ()), b=("echo b > b", ()), c=("cat a > c", ("a",)))
    assert pipeline.repro("c").returncode == 0
    assert [(pipeline.root / name).exists() for name in "abc"] == [True, False, True]
    unknown = pipeline.repro("nothing")
    assert unknown.returncode != 0
    assert "nothing" in unknown.stderr
    assert "Traceback" not in unknown.stderr


def test_a_failure_ends_the_run_keeps_what_is_done_and_names_the_log(tmp_path):
    log = 'mkdir -p .cache/logs; echo why > ".cache/logs/$AVEMOTION_RUN.log"'
    pipeline = Pipeline(
        tmp_path / "p",
        a=(f"{log}; echo why >&2; exit 3", ()),
        b=("sleep 2; echo b > b", ()),
        c=("cat b > c", ("b",)),
        d=("cat a > d", ("a",)),
    )
    done = pipeline.repro()
    assert done.returncode == 1
    assert "why" in done.stdout
    assert "failed to reproduce 'a'" in done.stdout
    assert re.search(r"what the stages did, and why one failed: \.cache/logs/\S+-repro-\d+\.log\n", done.stderr)
    assert "c begins" not in done.stdout
    assert "d begins" not in done.stdout
    assert (pipeline.root / "b").exists()  # it was under way, and was waited for
    pipeline.write(
        a=("echo a > a", ()), b=("sleep 2; echo b > b", ()), c=("cat b > c", ("b",)), d=("cat a > d", ("a",))
    )
    mended = pipeline.repro()
    assert mended.returncode == 0
    assert "b begins" not in mended.stdout


# one process, as every stage is: a shell goes on to its next command if Ctrl-C meets it while the one before succeeds
LONG = (
    """python -c "import pathlib, time; pathlib.Path('begun').touch(); time.sleep({0}); pathlib.Path('b').touch()" """
)


def interrupted(
    pipeline: Pipeline, disposition: signal.Handlers, jobs: int = 2, begun: tuple[str, ...] = ("begun",)
) -> tuple[int, str, float]:
    """Run the script, press Ctrl-C once the stages that write these files work, and return (exit code, output, s that
    it took to end). A program that is being started at that moment may miss it.
    """
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), "--jobs", str(jobs)], cwd=pipeline.root, env=ENVIRONMENT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        # these tests may themselves run where it is ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, disposition),
    )  # fmt: skip
    while not all((pipeline.root / name).exists() for name in begun):
        assert process.poll() is None
        time.sleep(0.05)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    printed, _ = process.communicate(timeout=60)
    return process.returncode, printed, time.monotonic() - begin


def test_ctrl_c_ends_it_soon_and_the_next_run_goes_on(tmp_path):
    second = LONG.format(60).replace("'begun'", "'begun-c'")
    pipeline = Pipeline(tmp_path / "p", a=("echo a > a", ()), b=(LONG.format(60), ("a",)), c=(second, ("a",)))
    code, printed, seconds = interrupted(pipeline, signal.SIG_DFL, begun=("begun", "begun-c"))
    assert code == 130, printed
    assert seconds < 15
    assert "run the same command again" in printed
    assert "Traceback" not in printed
    pipeline.write(a=("echo a > a", ()), b=("echo b > b", ("a",)), c=("echo c > c", ("a",)))
    done = pipeline.repro()
    assert done.returncode == 0
    assert "a begins" not in done.stdout


def test_ctrl_c_ends_one_stage_at_a_time_with_the_same_code(tmp_path):
    """DVC itself does not hear it while a stage runs, and calls a stage that left by it a failure."""
    leaves = LONG.format(60).replace(
        "import pathlib, time;", "import pathlib, signal, sys, time; signal.signal(2, lambda *_: sys.exit(130));"
    )
    code, printed, seconds = interrupted(
        Pipeline(tmp_path / "p", a=("echo a > a", ()), b=(leaves, ("a",))), signal.SIG_DFL, jobs=1
    )
    assert code == 130, printed
    assert seconds < 15
    assert "Traceback" not in printed


def run_name(pipeline: Pipeline, *files: str) -> str:
    """Return the one name of a run that stages have written to files."""
    (name,) = {(pipeline.root / file).read_text() for file in files}
    assert re.fullmatch(r"\d{8}T\d{6}-repro-\d+\n", name)
    return name


def test_ctrl_c_is_not_heard_where_it_is_ignored(tmp_path):
    """Under nohup, or in the background of a script."""
    pipeline = Pipeline(tmp_path / "p", a=("echo a > a", ()), b=(LONG.format(2), ("a",)))
    code, printed, _ = interrupted(pipeline, signal.SIG_IGN)
    assert (code, (pipeline.root / "b").exists()) == (0, True), printed


def test_one_job_is_plain_dvc_repro_and_all_stages_learn_the_name_of_the_run(tmp_path):
    pipeline = Pipeline(tmp_path / "p", a=('echo "$AVEMOTION_RUN" > a', ()), b=('echo "$AVEMOTION_RUN" > b', ()))
    done = pipeline.run("python", str(SCRIPT))
    assert (done.returncode, "a begins" in done.stdout) == (0, False)
    assert "Running stage 'a'" in done.stdout
    assert run_name(pipeline, "a", "b")


def test_no_jobs_are_refused(tmp_path):
    done = subprocess.run([sys.executable, str(SCRIPT), "--jobs", "0"], capture_output=True, text=True, check=False)
    assert (done.returncode, "at least one stage" in done.stderr) == (2, True)


def test_a_server_that_is_there_already_is_taken(repro, monkeypatch):
    monkeypatch.setenv(SERVER, "/there/socket")
    with repro.stage_server({name: set() for name in "abc"}) as address:
        assert address == "/there/socket"


@pytest.mark.long
def test_the_lock_file_has_the_bytes_that_plain_dvc_writes(tmp_path):
    """Names and values that YAML would read as something else, several stages in a row, and one that changes."""
    stages = {"a": ("echo 1 > a", ()), "b": ("echo ': # \"yes\" 1e3' > b", ("a",)), "no": ("cat a b > no", ("a", "b"))}
    plain, ours = Pipeline(tmp_path / "plain", **stages), Pipeline(tmp_path / "ours", **stages)
    for change in (stages, {**stages, "b": ("printf '%s' 2 > b", ("a",))}):
        for project, command in ((plain, ("dvc", "repro")), (ours, ("python", str(SCRIPT), "--jobs", "2"))):
            project.write(**change)
            assert project.run(*command).returncode == 0
        assert yaml.safe_load((ours.root / "dvc.lock").read_text()) == yaml.safe_load(
            (plain.root / "dvc.lock").read_text()
        )
    assert (ours.root / "dvc.lock").read_text() == (plain.root / "dvc.lock").read_text()


@pytest.mark.parametrize(
    "lock",
    [
        "Generating lock file 'dvc.lock'",
        "Updating lock file 'dvc.lock'",
        "Use `dvc push` to send your updates to remote storage.",
    ],
)
def test_what_dvc_explains_after_each_stage_is_not_shown(repro, lock):
    printed = f"Running stage 'a':\n> touch a\na: done\n{lock}\n\nTo track the changes with git, run:"
    assert repro._shown(Done("a", 0, printed, 2.0)) == "a: 2 s\nRunning stage 'a':\n> touch a\na: done\n"
    assert lock in repro._shown(Done("a", 1, printed, 2.0)), "of a failure everything is shown"


def test_what_stands_between_most_others_comes_first():
    graph = {
        name: frozenset(below) for name, below in {"a": "", "b": "", "c": "b", "d": "bc", "e": "", "f": "bcd"}.items()
    }
    assert in_order(graph) == ["b", "c", "d", "f", "a", "e"]


@given(cores=st.sets(st.integers(0, 63), min_size=1), jobs=st.integers(1, 9))
def test_cores_are_dealt_evenly(cores, jobs):
    dealt = shares(cores, jobs)
    assert len(dealt) == jobs
    assert set().union(*dealt) == cores if len(cores) >= jobs else set().union(*dealt) <= cores
    sizes = [len(share) for share in dealt]
    assert min(sizes) >= 1
    assert max(sizes) - min(sizes) <= 1
