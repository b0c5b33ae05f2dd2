"""dvc.lock after a stop: told from a whole one, and put back."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline.__main__ import main
from pipeline.cli.doctor import environment
from pipeline.core.errors import ArtifactError, SettingsError
from pipeline.prediction.steps import Steps
from pipeline.runner import dvc_folder, lock_file
from pipeline.runner.lock_writer import write_whole

STAGE = {
    "cmd": "python -m stages.toy",
    "deps": [{"path": "a", "hash": "md5", "md5": "0" * 32, "size": 1}],
    "params": {"params.yaml": {"x": "="}},  # what YAML 1.1 has another word for than YAML 1.2, by which DVC reads
    "outs": [{"path": "b", "hash": "md5", "md5": "1" * 32, "size": 1}],
}
TEXT = yaml.safe_dump({"schema": "2.0", "stages": {f"s{n}": STAGE for n in range(3)}}, sort_keys=False).encode()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    """The lock file of a project, of which a stage has kept a copy."""
    (tmp_path / ".dvc").mkdir()
    path = tmp_path / "dvc.lock"
    path.write_bytes(TEXT)
    lock_file.keep(path)
    return path


def test_every_beginning_of_a_lock_file_is_told_from_it_unless_dvc_takes_it_too():
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import parse_yaml

    def dvc_takes(text: bytes) -> bool:
        try:
            COMPILED_LOCKFILE_SCHEMA(parse_yaml(text.decode(), "dvc.lock"))
        except Exception:  # noqa: BLE001 - whatever DVC has against it
            return False
        return True

    assert (lock_file.fault(TEXT), dvc_takes(TEXT)) == ("", True)
    ends = [number + 1 for number, byte in enumerate(TEXT) if byte == ord("\n")]
    for length in [0, *range(5, 300, 13), *ends[::2]]:
        if not (found := lock_file.fault(TEXT[:length])):
            assert TEXT[:length].endswith(b"\n"), "the last word may lack its end"
        assert found or dvc_takes(TEXT[:length]), TEXT[:length]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "empty"),
        (bytes(4096), "empty"),
        (TEXT[:200], "cut off"),
        (b"a: [\n", "no YAML from line 2 on"),
        (b"[]\n", "not whole"),
        (b"schema: '2.0'\nstages:\n  a:\n    deps: []\n", "not whole"),
        (b"schema: '2.0'\nstages:\n  a:\n    cmd: x\n    outs:\n", "not whole"),
    ],
)
def test_a_damaged_file_is_put_back_and_what_it_held_kept(lock, text, words):
    lock.write_bytes(text)
    told = lock_file.mend(lock)
    assert told.startswith(f"{lock} was {words} after a stop: it is again what it was at 2")
    assert lock.read_bytes() == TEXT
    aside = lock.parent / ".dvc/tmp/dvc.lock.broken"
    assert aside.is_file() == (words != "empty") == (str(aside) in told)
    assert not aside.is_file() or aside.read_bytes() == text
    assert lock_file.mend(lock) == ""


def test_a_whole_file_is_left_alone_whatever_the_copy_holds(lock):
    shorter = yaml.safe_dump({"schema": "2.0", "stages": {"s0": STAGE}}, sort_keys=False).encode()
    lock.write_bytes(shorter)  # as git puts back that of an earlier commit
    assert (lock_file.mend(lock), lock.read_bytes()) == ("", shorter)
    lock.unlink()
    assert (lock_file.mend(lock), lock.exists()) == ("", False)


def test_a_merge_conflict_is_the_users_to_solve(lock):
    text = b"schema: '2.0'\n<<<<<<< HEAD\nstages: {}\n=======\nstages: {}\n>>>>>>> other\n"
    lock.write_bytes(text)
    with pytest.raises(ArtifactError, match=r"dvc.lock: line 2: marks of a merge conflict; .*`git checkout HEAD --"):
        lock_file.mend(lock)
    assert lock.read_bytes() == text


def test_without_a_copy_the_cure_is_named(tmp_path):
    lock = tmp_path / "dvc.lock"
    lock.write_bytes(TEXT[:100])
    with pytest.raises(ArtifactError, match=r"dvc.lock: cut off; .*git checkout HEAD -- dvc.lock.*move the file away"):
        lock_file.mend(lock)
    assert lock.read_bytes() == TEXT[:100]


def test_an_empty_first_one_goes_since_there_was_none_before(tmp_path):
    """The `dvc` of a new project was killed as it wrote dvc.lock for the first time."""
    lock = tmp_path / "dvc.lock"
    lock.touch()
    assert "empty after a stop, and there was none before it: DVC begins anew" in lock_file.mend(lock)
    assert not lock.exists()


def test_a_first_one_that_was_cut_off_is_moved_aside(tmp_path):
    lock, folder = tmp_path / "dvc.lock", tmp_path / ".dvc/tmp"
    folder.mkdir(parents=True)
    lock.write_bytes(TEXT[:100])
    assert "cut off after a stop, and there was none before it: DVC begins anew" in lock_file.mend(lock)
    assert not lock.exists()
    assert (folder / "dvc.lock.broken").read_bytes() == TEXT[:100]


def test_an_empty_one_that_git_has_is_gits_to_put_back(tmp_path):
    lock = tmp_path / "dvc.lock"
    lock.write_bytes(TEXT)
    git = ("git", "-C", tmp_path, "-c", "user.name=t", "-c", "user.email=t@example.invalid")
    for words in (("init", "-q"), ("add", "dvc.lock"), ("commit", "-q", "-m", "x")):
        subprocess.run([*git, *words], check=True)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    for text in (b"", TEXT[:100]):
        lock.write_bytes(text)
        with pytest.raises(ArtifactError, match=r"`git checkout HEAD -- dvc\.lock`"):
            lock_file.mend(lock)
        assert lock.read_bytes() == text


def test_a_file_that_is_cut_off_is_never_kept(lock):
    kept = lock.parent / ".dvc/tmp/dvc.lock.kept"
    for text in (b"", TEXT[:100]):
        lock.write_bytes(text)
        lock_file.keep(lock)
        assert kept.read_bytes() == TEXT
    lock.write_bytes(TEXT + b"# more\n")
    lock_file.keep(lock)
    assert kept.read_bytes() == TEXT + b"# more\n"


def test_a_file_that_dvc_is_writing_is_waited_for(lock, monkeypatch):
    monkeypatch.setattr(dvc_folder, "_PATIENCE_S", 0.1)
    lock.write_bytes(b"")
    with (lock.parent / ".dvc/tmp/lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="a `dvc` is at work on it"):
            lock_file.mend(lock)
    assert lock_file.mend(lock)


def test_dvcs_list_of_files_in_use_is_mended_too(lock):
    """DVC empties and writes that one as well, and starts on no other."""
    rwlock = lock.parent / ".dvc/tmp/rwlock"
    (lock.parent / ".dvc/tmp/rwlock.lock").touch()
    for text, stays in (("", False), ('{"write": {"/a', False), ("{}", True)):
        rwlock.write_text(text, encoding="utf-8")
        lock_file.mend(lock)
        assert rwlock.exists() == stays


def test_check_mends_it_and_the_doctor_and_predict_say_so(lock, monkeypatch, capsys):
    params = lock.with_name("params.yaml")
    params.write_text("[]", encoding="utf-8")  # of which `check` tells once it is through with dvc.lock
    (lock.parent / ".dvc/config").touch()
    lock.with_name("dvc.yaml").touch()
    monkeypatch.chdir(lock.parent)
    assert environment.dvc(Path())[-1] == ("ok", "DVC lock", "dvc.lock is whole", "")
    lock.write_bytes(b"")
    (found,) = [one for one in environment.dvc(Path()) if one.name == "DVC lock"]
    assert found.state == "wrong"
    assert "empty" in found.words
    assert "python -m pipeline check" in found.remedy
    with pytest.raises(SettingsError, match="python -m pipeline check"):
        Steps.read(lock)
    assert main(["check"]) == 1
    assert "params.yaml: expected sections" in capsys.readouterr().err
    assert lock.read_bytes() == TEXT
    assert environment.dvc(Path())[-1].state == "ok"
    lock.write_bytes(TEXT + b"<<<<<<< HEAD\n")
    assert main(["check"]) == 1
    assert "git checkout HEAD -- dvc.lock" in capsys.readouterr().err


def test_a_stop_between_emptying_and_writing_leaves_the_file_as_it_was(lock, monkeypatch):
    """The fault lies where DVC has opened the file and has written nothing yet."""
    from dvc.utils.serialize import _common

    def stopped(data, stream, **more):
        raise KeyboardInterrupt

    def rewrite(dumper) -> None:
        with _common._modify_data(os.fspath(lock), lambda text, path: yaml.safe_load(text), dumper) as data:
            data["stages"].pop("s2")

    monkeypatch.setattr(_common, "_dump_data", _common._dump_data)  # put back behind this test
    with pytest.raises(KeyboardInterrupt):
        rewrite(stopped)
    assert lock.read_bytes() == b"", "plain DVC leaves nothing, or this test aims beside it"
    lock_file.mend(lock)
    write_whole()
    with pytest.raises(KeyboardInterrupt):
        rewrite(stopped)
    assert lock.read_bytes() == TEXT
    lock.chmod(0o640)
    rewrite(lambda data, stream: yaml.safe_dump(data, stream, sort_keys=False))
    assert list(yaml.safe_load(lock.read_bytes())["stages"]) == ["s0", "s1"]
    assert lock.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in lock.parent.iterdir()) == [".dvc", "dvc.lock"], "nothing is left beside it"


def test_a_full_disk_has_room_for_the_copy_all_the_same(lock, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lock_file.shutil, "copy2", full)
    lock.write_bytes(TEXT[:99])
    assert lock_file.mend(lock)
    assert lock.read_bytes() == TEXT
    assert (lock.parent / ".dvc/tmp/dvc.lock.broken").read_bytes() == TEXT[:99]


def test_what_a_stop_left_in_the_run_cache_goes(lock):
    """DVC's own name for a file that it has not finished, and beside it one that is whole."""
    from dvc_objects.fs.utils import tmp_fname

    folder = lock.parent / ".dvc/cache/runs/ab" / ("ab" * 32)
    folder.mkdir(parents=True)
    whole, half = folder / ("cd" * 32), folder / tmp_fname()
    for path in (whole, half):
        path.write_text("cmd: x\n", encoding="utf-8")
    with (lock.parent / ".dvc/tmp/lock").open("a") as held, pytest.MonkeyPatch.context() as patch:
        patch.setattr(dvc_folder, "_PATIENCE_S", 0.1)
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ArtifactError, match="a `dvc` is at work"):
            lock_file.mend(lock)
    assert half.exists()
    assert lock_file.mend(lock) == ""
    assert sorted(folder.iterdir()) == [whole]


def test_an_empty_folder_of_the_run_cache_goes_and_dvc_starts(lock):
    """As DVC is stopped between making the folder of a stage and the file in it; it would fail with `join() argument
    must be str, bytes, or os.PathLike object, not 'NoneType'`.
    """
    runs = lock.parent / ".dvc/cache/runs"
    empty, kept = runs / "ab" / ("ab" * 32), runs / "cd" / ("cd" * 32) / ("ef" * 32)
    empty.mkdir(parents=True)
    kept.parent.mkdir(parents=True)
    kept.write_text("cmd: x\n", encoding="utf-8")
    only_half = runs / "ef" / ("ef" * 32)
    only_half.mkdir(parents=True)
    (only_half / ".half.tmp").touch()
    assert lock_file.mend(lock) == ""
    assert sorted(path for path in runs.rglob("*") if path.is_file()) == [kept]
    assert not empty.exists()
    assert not only_half.exists()


def test_two_that_mend_at_once_do_not_meet(tmp_path, monkeypatch):
    """The process that looks after a killed `dvc`, and the next start: one finds what the other has removed."""
    runs, lock = tmp_path / ".dvc/cache/runs", tmp_path / "dvc.lock"
    gone = runs / "ab" / ("ab" * 32)
    gone.mkdir(parents=True)
    (tmp_path / ".dvc/tmp").mkdir()
    lock.touch()
    glob, waits = Path.glob, lock_file.dvc_waits

    def after_the_other(path, pattern):
        found = [*glob(path, pattern)]
        if gone.exists():
            gone.rmdir()
        return iter(found)

    def mended_meanwhile(folder):
        lock.unlink()
        return waits(folder)

    monkeypatch.setattr(Path, "glob", after_the_other)
    monkeypatch.setattr(lock_file, "dvc_waits", mended_meanwhile)
    assert lock_file.mend(lock) == ""
