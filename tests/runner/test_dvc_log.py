"""What is told of a run of DVC that ended early: by log records as DVC writes them, and by DVC on a small disk."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers.engine import mounted
from helpers.project import ROOT
from pipeline.runner.dvc_log import heard

SCRIPT = ROOT / "scripts" / "repro.py"


@pytest.fixture
def printed(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.ERROR)
    return caplog


def log(name: str, error: BaseException, words: str = "") -> None:
    logging.getLogger(name).error(words, exc_info=error)


def test_a_full_disk_is_one_line_and_what_dvc_made_of_it_none(tmp_path, monkeypatch, printed):
    monkeypatch.chdir(tmp_path)
    half = tmp_path / ".dvc/cache/files/md5/ab/.x1.tmp"
    half.parent.mkdir(parents=True)
    half.touch()
    refused = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "b"), None, str(half))
    around = RuntimeError("No possible cache link types")
    around.__cause__ = refused
    with heard() as found:
        log("dvc_data.hashfile.transfer", refused, "failed to transfer")
        log("dvc.cli", around, "failed to reproduce 'b'")
        log("dvc.cli", ValueError("x"), "another error")
        assert half.exists(), "DVC is still at work"
    assert [record.message for record in printed.records] == ["another error"]
    assert found.told.startswith(".dvc/cache/files/md5/ab: the disk is full, so that DVC could not write there; free")
    assert not found.interrupted
    assert not half.exists(), "what DVC left of it, and never looks for again, takes room"


@pytest.mark.parametrize(
    ("error", "interrupted", "told"),
    [
        (RuntimeError("failed to run: x, exited with 130"), True, ""),
        (RuntimeError("failed to run: x, exited with -2"), True, ""),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "out/b"), False, "out/b: the quota of this disk is used up"),
        (OSError(errno.ENOSPC, "No space left on device"), False, ".dvc/cache: the disk is full"),
        (OSError(errno.EACCES, "Permission denied", "x"), False, ""),
    ],
)
def test_what_is_heard(tmp_path, monkeypatch, printed, error, interrupted, told):
    monkeypatch.chdir(tmp_path)
    with heard() as found:
        log("dvc.cli", error)
    assert (found.interrupted, found.told[: len(told)], bool(found.told)) == (interrupted, told, bool(told))
    assert bool(printed.records) == (not told)
    log("dvc.cli", error)
    assert printed.records, "nothing is left out once nobody listens"


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
@pytest.mark.parametrize("when", ["commit", "checkout"])
def test_a_real_full_disk(tmp_path: Path, jobs: str, when: str):
    root = tmp_path / "p"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, "PATH": path, "DVC_NO_ANALYTICS": "1"}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, cwd=root, capture_output=True, text=True, env=variables, timeout=120)

    stages = {
        "a": {"cmd": "echo a > a", "outs": ["a"]},
        "b": {"cmd": "(cat a; head -c 1000000 /dev/urandom) > b", "deps": ["a"], "outs": ["b"]},
    }
    with mounted(root, "size=3m"):
        assert run("dvc", "init", "--no-scm", "-q").returncode == 0
        assert run("dvc", "config", "cache.type", "copy").returncode == 0
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
        if when == "checkout":
            assert run("dvc", "repro", "-q").returncode == 0
            (root / "b").unlink()
        filler = root / "filler"
        filler.write_bytes(bytes(1500000))
        done = run(sys.executable, str(SCRIPT), "--jobs", jobs)
        assert done.returncode not in (0, 130)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "disk is full" in line]
        assert len(lines) == 1, done.stdout + done.stderr
        assert "free some room there and run the same command again" in lines[0]
        assert "ERROR" not in done.stdout + done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        assert [path for path in root.rglob("*.tmp") if path.stat().st_size] == []
        filler.unlink()
        (root / "b").unlink(missing_ok=True)
        assert run(sys.executable, str(SCRIPT), "--jobs", jobs).returncode == 0
        assert (root / "b").stat().st_size == 1000002
