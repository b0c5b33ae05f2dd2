"""The log of a run: nothing is lost, nothing of it reaches the screen, and it never stops a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from helpers.engine import SoundCorpus
from helpers.project import ROOT
from pipeline.runner import run_info as runs
from pipeline.runner import runlog
from pipeline.runner.runlog import RunLog, read_stage_times

NOISE = """
import os, subprocess, sys, warnings
from pipeline.runner.runlog import RunLog
with RunLog("x", ["words"], "stage") as log:
    warnings.warn("python warns")
    os.write(2, b"native code warns\\n")
    subprocess.run([sys.executable, "-c", "import warnings; warnings.warn('a worker warns')"])
    print("for the user", file=sys.stderr)
    log.ended(True)
os.write(2, b"afterwards\\n")
"""

STAGE = """
import sys
from pathlib import Path
from pipeline.runner.stage import stage
Path("params.yaml").write_text("runtime: {}\\ncorpora: {}\\n")
stage(reads="", names="feature", paths="out")(lambda context: %s)
"""


def program(code: str, folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder."""
    clean = {name: value for name, value in os.environ.items() if name not in ("DVC_STAGE", runs.RUN, runlog.DEBUG)}
    full = {**clean, "PYTHONPATH": os.fspath(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=full, capture_output=True, text=True, timeout=120
    )


def only_log(folder: Path) -> str:
    (path,) = (folder / runlog.FOLDER).glob("*.log")
    return path.read_text(encoding="utf-8")


def test_noise_goes_to_the_log_and_our_words_to_the_screen(tmp_path):
    done = program(NOISE, tmp_path)
    assert (done.returncode, done.stderr) == (0, "for the user\nafterwards\n")
    for words in (
        "python warns",
        "native code warns",
        "a worker warns",
        "begins: words",
        "Python 3.",
        "numpy ",
        "done after",
    ):
        assert words in only_log(tmp_path)


def test_a_crash_of_native_code_leaves_where_it_was(tmp_path):
    done = program(
        STAGE % "__import__('os').kill(__import__('os').getpid(), 11)", tmp_path, "--feature", "f", "--out", "o"
    )
    assert done.returncode == -signal.SIGSEGV
    assert "Segmentation fault" in only_log(tmp_path)
    assert "in <lambda>" in only_log(tmp_path)


def test_everything_is_given_back(tmp_path, capfd):
    before = sys.stderr
    with RunLog("x", [], "stage", folder=tmp_path):
        pass
    assert sys.stderr is before
    with pytest.warns(UserWarning, match="heard again"):
        warnings.warn("heard again", stacklevel=1)
    os.write(2, b"seen\n")
    assert capfd.readouterr().err == "seen\n"


def test_a_log_that_cannot_be_written_is_noted_once_and_stops_nothing(tmp_path):
    (tmp_path / ".cache").write_text("a file in the place of the folder")
    done = program(NOISE, tmp_path)
    assert done.returncode == 0
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == 1
    assert "no log is kept" in notes[0]


def test_two_processes_write_whole_lines(tmp_path):
    code = """
import sys
from pipeline.runner.runlog import RunLog
with RunLog(sys.argv[1], [], "stage") as log:
    for number in range(400):
        log.note(f"{number:04d} " + "x" * 300 + " end")
    log.ended(True)
"""
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT), runs.RUN: "both"}
    processes = [subprocess.Popen([sys.executable, "-c", code, name], cwd=tmp_path, env=environment) for name in "ab"]
    assert [process.wait(60) for process in processes] == [0, 0]
    lines = [line for line in only_log(tmp_path).splitlines() if "xxx" in line]
    assert len(lines) == 800
    assert all(line.endswith(" end") and line.count("x" * 300) == 1 for line in lines)
    rows = [json.loads(line) for line in (tmp_path / runlog.FOLDER / runlog.STAGES).read_text().splitlines()]
    assert {row["run"] for row in rows} == {"both"}


def test_fifty_logs_stay(tmp_path, monkeypatch):
    for number in range(runlog.KEPT + 7):
        path = tmp_path / f"{number:03d}.log"
        path.write_text("old")
        os.utime(path, (number, number))
    monkeypatch.setenv(runs.RUN, "new")
    with RunLog("x", [], "stage", folder=tmp_path):
        pass
    left = sorted(path.stem for path in tmp_path.glob("*.log"))
    assert len(left) == runlog.KEPT
    assert left[-1] == "new"
    assert left[0] == "008"


def test_the_latest_successful_run_of_each_stage_is_read(tmp_path):
    rows = [("a", 1, True, 5), ("a", 2, True, 6), ("a", 3, False, 7), ("b", 1, False, 8), ("c", 9, True, 1)]
    lines = [
        json.dumps({"stage": name, "begin": f"2026-01-0{day}", "ok": well, "seconds": took})
        for name, day, well, took in rows
    ]
    (tmp_path / runlog.STAGES_BEFORE).write_text("\n".join(lines[:2]))
    (tmp_path / runlog.STAGES).write_text("\n".join(["half a li", "3", "{}", *lines[2:]]))
    assert {name: row["seconds"] for name, row in read_stage_times(tmp_path).items()} == {"a": 6, "c": 1}
    assert read_stage_times(tmp_path / "none") == {}


def test_a_full_list_of_stages_is_put_away(tmp_path, monkeypatch):
    monkeypatch.setattr(runlog, "LARGEST", 100)
    for number in range(5):
        with RunLog(f"s{number}", [], "stage", folder=tmp_path) as log:
            log.ended(True)
    assert (tmp_path / runlog.STAGES_BEFORE).is_file()
    assert (tmp_path / runlog.STAGES).stat().st_size < 400
    assert "s4" in read_stage_times(tmp_path)


def test_a_stage_leaves_its_story(tmp_path):
    corpus = SoundCorpus(tmp_path / "p", 2)
    assert corpus.stage().returncode == 0
    text = only_log(corpus.root)
    for words in (
        "stages.extract --corpus c",
        "reads extract.mfcc39: {}",
        "reads runtime: ",
        "2 ok; 0 of 2 clips from the clip cache",
        "peak memory",
    ):
        assert words in text
    (times,) = read_stage_times(corpus.root / runlog.FOLDER).values()
    assert (times["stage"], times["out"]) == (
        "stages.extract --corpus c --section extract --feature mfcc39",
        "features/c/mfcc39.h5",
    )
    assert times["seconds"] > 0
    assert times["peak_mb"] > 10


def test_stages_of_a_run_share_a_log_and_have_the_names_of_dvc(tmp_path, monkeypatch):
    corpus = SoundCorpus(tmp_path / "p", 1)
    monkeypatch.setenv(runs.RUN, "2026/../x")
    for name in ("extract@c-one", "extract@c-two"):
        monkeypatch.setenv("DVC_STAGE", name)
        assert corpus.stage().returncode == 0
    assert [path.name for path in (corpus.root / runlog.FOLDER).glob("*.log")] == ["2026_.._x.log"]
    assert set(read_stage_times(corpus.root / runlog.FOLDER)) == {"extract@c-one", "extract@c-two"}


def test_a_bug_is_one_line_and_the_log_has_the_rest(tmp_path):
    done = program(STAGE % "1 / 0", tmp_path, "--feature", "f", "--out", "o")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "error: ZeroDivisionError: division by zero; this is a bug; the whole story is in .cache/logs/"
    )
    assert line.endswith(".log")
    assert "Traceback (most recent call last)" in only_log(tmp_path)
    shown = program(STAGE % "1 / 0", tmp_path, "--feature", "f", "--out", "o", **{runlog.DEBUG: "1"})
    assert "Traceback (most recent call last)" in shown.stderr
    assert shown.stderr.splitlines()[-1].startswith("error: ")


def test_a_bug_is_told_in_full_where_no_log_can_be_kept(tmp_path):
    (tmp_path / ".cache").write_text("")
    done = program(STAGE % "1 / 0", tmp_path, "--feature", "f", "--out", "o")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "its traceback is above" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("raised", "words"),
    [("open('nowhere')", "nowhere: No such file"),
     ("[].append(MemoryError) or (_ for _ in ()).throw(MemoryError())", "out of memory"),
     ("context.section('nothing')", "this is a bug")],
)  # fmt: skip
def test_every_error_is_one_line_and_code_1(tmp_path, raised, words):
    done = program(STAGE % raised, tmp_path, "--feature", "f", "--out", "o")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert words in done.stderr
    (row,) = (json.loads(line) for line in (tmp_path / runlog.FOLDER / runlog.STAGES).read_text().splitlines())
    assert (row["ok"], row["out"]) == (False, "o")


def test_a_wrong_command_line_of_a_stage_is_code_2(tmp_path):
    assert program(STAGE % "None", tmp_path, "--nothing").returncode == 2


def test_ctrl_c_while_a_stage_is_being_imported(tmp_path):
    """Most of a short stage's time goes by there, and Python would show a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.align_faces"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.fspath(ROOT)},
        text=True, stderr=subprocess.PIPE, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    while "numpy" not in Path(f"/proc/{process.pid}/maps").read_text():
        assert process.poll() is None
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "interrupted before anything began\n")


def test_the_commit_is_found_without_git(tmp_path):
    assert runs.commit_of(tmp_path) == "no git"
    git = tmp_path / ".git"
    (git / "refs/heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nabc1 refs/heads/main\n")
    assert runs.commit_of(tmp_path) == "commit abc1"
    (git / "refs/heads/main").write_text("abc2\n")
    assert runs.commit_of(tmp_path) == "commit abc2"
    (git / "HEAD").write_text("abc3\n")
    assert runs.commit_of(tmp_path) == "commit abc3"


def test_cache_keys_do_not_know_of_the_log():
    """Editing how a stage speaks must not throw the clip cache away."""
    from pipeline.core import plugins
    from pipeline.engine.code_digest import imported_files, module_files

    kinds = ("extractors", "detectors", "crops", "segment_networks", "clip_networks", "fusion_networks", "sources")
    names = [plugins.module_name(kind, name) for kind in kinds for name in plugins.names(kind)]
    names += [
        "pipeline.media.decode",
        "pipeline.engine.run",
        "pipeline.faces.tracking.tracker",
        "pipeline.faces.alignment.align",
        "pipeline.features.segments.job",
        "pipeline.training.loop",
    ]
    files = imported_files(path for name in names for path in module_files(name))
    assert "store.py" in {path.name for path in files}
    assert not any(path.parent.name == "runner" for path in files)
