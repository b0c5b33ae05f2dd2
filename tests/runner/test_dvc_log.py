"""What is told of a run of DVC that ended early: by log records as DVC writes them, and by DVC on a small disk."""

from __future__ import annotations

import errno
import logging
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from helpers import warm
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


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `.dvc` of a project that DVC has made, which copies what it caches."""
    folder = tmp_path_factory.mktemp("empty")
    for words in (("init", "--no-scm", "-q"), ("config", "cache.type", "copy")):
        assert run(folder, "dvc", *words).returncode == 0
    return folder / ".dvc"


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=root, capture_output=True, text=True, env=warm.environment(), timeout=120)


def told_and_mended(root: Path, jobs: str) -> None:
    """See that a run on a disk that something else fills says so in one line, and that the next one makes `b`."""
    filler = root / "filler"
    filler.write_bytes(bytes(1500000))
    done = run(root, "python", str(SCRIPT), "--jobs", jobs)
    assert done.returncode not in (0, 130)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if "disk is full" in line]
    assert len(lines) == 1, done.stdout + done.stderr
    assert "free some room there and run the same command again" in lines[0]
    assert "ERROR" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert [path for path in root.rglob("*.tmp") if path.stat().st_size] == []
    filler.unlink()
    (root / "b").unlink(missing_ok=True)
    assert run(root, "python", str(SCRIPT), "--jobs", jobs).returncode == 0
    assert (root / "b").stat().st_size == 1000002


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_a_real_full_disk(empty: Path, tmp_path: Path, jobs: str):
    """Under the cache, when DVC commits an output; under the workspace, when it takes one from the cache."""
    root = tmp_path / "p"
    stages = {
        "a": {"cmd": "echo a > a", "outs": ["a"]},
        "b": {"cmd": "(cat a; head -c 1000000 /dev/urandom) > b", "deps": ["a"], "outs": ["b"]},
    }
    with mounted(root, "size=3m"):
        shutil.copytree(empty, root / ".dvc")
        (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}), encoding="utf-8")
        told_and_mended(root, jobs)
        made = (root / "b").read_bytes()
        (root / "b").unlink()
        told_and_mended(root, jobs)
        assert (root / "b").read_bytes() == made, "it came from the cache"
