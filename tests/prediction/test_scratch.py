"""Working folders of predictions: two at once, one that is killed, a disk without locks, one that is read-only."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from helpers.engine import read_only
from helpers.media import tone, write_media
from helpers.project import ROOT
from helpers.toy import write_project
from pipeline.__main__ import main
from pipeline.engine.run import run as engine_run
from pipeline.prediction import features
from pipeline.prediction.scratch import working_folder

HOLD = """
import sys
from pathlib import Path
from pipeline.prediction.scratch import working_folder
with working_folder(Path(sys.argv[1])) as folder:
    (folder / "half.h5").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / ".cache" / "clips"


def test_each_has_its_own_and_none_is_left(cache):
    with working_folder(cache) as first, working_folder(cache) as second:
        assert first != second
        assert first.parent == second.parent == cache.parent / "predict"
        (second / "a.h5").touch()
        (cache / "journal" / first.name).mkdir(parents=True)
        with working_folder(cache):
            assert (second / "a.h5").exists()
    assert list((cache.parent / "predict").iterdir()) == list((cache / "journal").iterdir()) == []


def test_one_that_is_killed_is_cleared_by_the_next_and_one_that_lives_is_not(cache):
    pipe = subprocess.PIPE
    held = [
        subprocess.Popen([sys.executable, "-c", HOLD, cache], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)
        for _ in range(2)
    ]
    folders = [Path(one.stdout.readline().strip()) for one in held]
    (cache / "journal" / folders[0].name).mkdir(parents=True)
    held[0].send_signal(signal.SIGKILL)
    held[0].communicate()
    with working_folder(cache):
        assert [folder.exists() for folder in folders] == [False, True]
        assert not (cache / "journal" / folders[0].name).exists()
    held[1].communicate("")
    assert not folders[1].exists()


def test_without_locks_nobodys_folder_is_taken_away(cache, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with working_folder(cache) as first, working_folder(cache) as second:
        assert first.exists()
        assert second.exists()


def test_beside_a_read_only_cache_it_lies_among_the_temporary_files(cache):
    cache.mkdir(parents=True)
    with read_only(cache.parent), working_folder(cache) as folder:
        assert folder.parent == Path(tempfile.gettempdir())
        (folder / "a.h5").touch()
    assert not folder.exists()


def test_two_predictions_of_one_folder_at_once(tmp_path, monkeypatch, capsys):
    """The second begins and ends while the first has its features; they are one process here, and two threads."""
    project, media = tmp_path / "project", tmp_path / "media"
    write_project(project, {"mfcc39": 39, "logmel": 64})
    media.mkdir()
    for number in range(2):
        write_media(media / f"{number}.wav", sound=tone(0.5, hz=200 + 100 * number))
    began, go_on = threading.Event(), threading.Event()

    def slow(*args):
        line = engine_run(*args)
        if threading.current_thread() is not threading.main_thread():
            began.set()
            assert go_on.wait(60)
        return line

    def predict(out: str) -> int:
        words = ["predict", str(media), "--params", str(project / "params.yaml"), "--out", str(tmp_path / out)]
        return main([*words, "--no-pictures"])

    monkeypatch.setattr(features.engine, "run", slow)
    codes = []
    first = threading.Thread(target=lambda: codes.append(predict("first")))
    first.start()
    assert began.wait(60)
    codes.append(predict("second"))
    go_on.set()
    first.join()
    assert codes == [0, 0], capsys.readouterr().err
    tables = [(tmp_path / out / "predictions.csv").read_bytes() for out in ("first", "second")]
    assert tables[0] == tables[1]
    assert not list((project / ".cache/predict").iterdir())
    assert os.listdir(project / ".cache/clips/journal") == []
