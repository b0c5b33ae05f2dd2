"""Why an HDF5 file does not open: what may be intact is never called damaged, and nothing is to be deleted."""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from helpers.project import ROOT
from pipeline.__main__ import main
from pipeline.core.errors import ArtifactError
from pipeline.core.hdf5_reading import hindrance, opened_hdf5
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features, write_selection

SWMR = """
import h5py, os, signal, sys
with h5py.File(sys.argv[1], "r+", libver="latest") as file:
    file.swmr_mode = True
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "x.h5"
    clip = ClipFeatures(np.zeros((3, 2), np.float32), np.arange(3.0), np.ones(3, bool))
    write_features(path, FeatureMeta("x", 2, "float32", columns=("a", "b")), [("c1", clip)])
    return path


def said(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught, FeatureFile(path):
        pass
    words = str(caught.value)
    assert words.startswith(f"{path}: ")
    assert "\n" not in words
    assert "delete" not in words
    return words


def test_a_file_that_another_process_holds_open(stored, capsys):
    before = stored.read_bytes()
    with stored.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as HDF5 does while it has a file open for writing
        words = said(stored)
        assert "locked: another process holds it open for writing" in words
        assert "HDF5_USE_FILE_LOCKING=FALSE" in words
        assert main(["inspect", str(stored)]) == 1
        assert f"error: {words}\n" == capsys.readouterr().err
    with FeatureFile(stored) as file:
        assert file.clip_ids() == ["c1"]
    assert stored.read_bytes() == before


def test_a_real_writer_in_another_process(stored):
    code = "import h5py, sys; f = h5py.File(sys.argv[1], 'r+'); print('open', flush=True); sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code, stored], stdin=pipe, stdout=pipe, text=True) as writer:
        assert writer.stdout.readline() == "open\n"
        words = said(stored)
        writer.communicate("", timeout=20)
    assert "locked: another process" in words


def test_the_source_of_a_selection_is_locked_too(stored, tmp_path):
    meta = FeatureMeta("s", 1, "float32", columns=("b",))
    write_selection(tmp_path / "s.h5", meta, stored, {"fold-00": np.array([1])}, {"fold-00/c1": "train"})
    with stored.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match=rf"^{stored}: locked: another process"):
            FeatureFile(tmp_path / "s.h5")


def test_a_mark_that_a_killed_writer_left(stored, tmp_path):
    with h5py.File(tmp_path / "new.h5", "w", libver="latest") as file:
        file["a"] = [1]
    subprocess.run([sys.executable, "-c", SWMR, tmp_path / "new.h5"], check=False)
    with pytest.raises(ArtifactError, match=r"locked: it is marked as open for writing.*h5clear -s"):
        opened_hdf5(tmp_path / "new.h5")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        # as HDF5 2.0 says it where flock gives ENOLCK, ENOSYS
        (
            OSError(
                37, "Unable to synchronously open file (unable to lock file, errno = 37, error message = 'No locks')"
            ),
            "locked: its disk gives no locks (No locks available); set HDF5_USE_FILE_LOCKING=FALSE in the environment",
        ),
        (
            OSError("Unable to synchronously open file (unable to lock file, errno = 38, error message = 'x')"),
            "locked: its disk gives no locks (Function not implemented); set HDF5_USE_FILE_LOCKING=FALSE",
        ),
        (PermissionError(13, "Unable to open file (unable to open file: errno = 13)"), "cannot be read (Permission"),
        (OSError(5, "Can't read data (file read failed: errno = 5, error message = 'Input/output error')"), "its disk"),
        (OSError(24, "unable to open file: errno = 24"), "cannot be read (Too many open files)"),
        (OSError("Can't read data (can't open directory (/usr/local/hdf5/lib/plugin))"), "a filter of HDF5 is missing"),
    ],
)
def test_what_may_be_intact_is_not_called_damaged(stored, monkeypatch, error, words):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(h5py, "File", refuse)
    assert words in said(stored)


@pytest.mark.parametrize(
    "error", [OSError("Can't read data (filter returned failure during read)"), KeyError("object 'filterbank'")]
)
def test_what_is_damaged_is_not_excused(error):
    assert hindrance(error) == ""


def test_no_message_tells_to_delete_what_a_stage_or_a_user_made():
    """Of whatever is refused, the user moves it away: a hash in weights.lock, a disk, a lock may be at fault."""
    told = re.compile(r"""["'`;(] ?delete (it|that|the (file|folder)|\{)""")
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("pipeline", "stages", "scripts")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if told.search(line)
    ]
    assert found == []
