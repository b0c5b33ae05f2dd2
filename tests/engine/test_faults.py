"""What the engine survives: kill -9, a full disk, no permission, damage, two runs at once, Ctrl-C. The next run
completes with equal bytes.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import warm
from helpers.engine import SoundCorpus, again, kill, mounted

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("engine-faults")]


@pytest.fixture(scope="module")
def undisturbed(written: SoundCorpus, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The feature file and the ledger of a run that nothing happened to, of 60 clips."""
    corpus = written.copy(tmp_path_factory.mktemp("undisturbed") / "p")
    corpus.run_here()
    return corpus.out.read_bytes(), corpus.ledger.read_bytes()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SoundCorpus:
    """60 clips, nothing done yet."""
    return SoundCorpus(tmp_path_factory.mktemp("written") / "p", 60)


@pytest.fixture
def corpus(written: SoundCorpus, tmp_path: Path) -> SoundCorpus:
    """The same clips in a project of their own."""
    return written.copy(tmp_path / "p")


def result(corpus: SoundCorpus) -> tuple[bytes, bytes]:
    return corpus.out.read_bytes(), corpus.ledger.read_bytes()


def one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """See that a stage failed with one clear line."""
    assert done.returncode != 0
    assert "Traceback" not in done.stderr, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("times", [8, pytest.param(60, marks=pytest.mark.long)])
def test_kills_at_random_moments_lose_no_finished_clip(
    corpus: SoundCorpus, undisturbed: tuple[bytes, bytes], times: int
) -> None:
    """Forked from here, where everything is imported: the moment of the kill falls into the work, not into imports."""
    chance, fork = random.Random(6), multiprocessing.get_context("fork")
    kills, before, caught = 0, dict[str, int](), set[int]()
    while kills < times:
        process = fork.Process(target=corpus.run_here)
        process.start()
        process.join(chance.uniform(0.0, 0.5))
        if process.exitcode is None:
            process.kill()
            process.join()
            kills += 1
            assert not again(before, corpus), "a finished clip was computed again"
            assert not corpus.out.exists() or corpus.out.read_bytes() == undisturbed[0]
            before = corpus.finished()
            caught.add(len(before))
            continue
        assert process.exitcode == 0
        assert result(corpus) == undisturbed
        before = {}
        for path in [*corpus.cache.entries(), corpus.out, corpus.ledger]:
            path.unlink()
    corpus.run_here()
    assert result(corpus) == undisturbed
    assert len(caught) >= times // 3, f"the kills fell into {caught} finished clips: not at random moments"


@pytest.mark.long
def test_two_workers_that_are_killed_lose_no_finished_clip(
    corpus: SoundCorpus, undisturbed: tuple[bytes, bytes]
) -> None:
    corpus.set(workers=2)
    process = corpus.start()
    while len(corpus.finished()) < 10 and process.poll() is None:
        time.sleep(0.01)
    kill(process)
    before = corpus.finished()
    assert len(before) >= 10
    corpus.set(workers=1)  # goes on all the same; two more processes would only load their libraries
    done = corpus.stage()
    assert done.returncode == 0, done.stderr
    assert f"{len(before)} of 60 clips from the clip cache" in done.stdout
    assert not again(before, corpus)
    assert result(corpus) == undisturbed


def test_ctrl_c_stops_within_three_seconds_and_keeps_what_is_finished(tmp_path: Path) -> None:
    corpus = SoundCorpus(tmp_path / "p", 40, seconds=20.0)
    corpus.set(workers=2)
    process = corpus.start()
    while len(corpus.finished()) < 3 and process.poll() is None:
        time.sleep(0.01)
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the stage and to its workers
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - begin < 3
    assert process.returncode == 130
    one_line(subprocess.CompletedProcess([], process.returncode, "", errors), "interrupted; finished clips are kept")
    before = corpus.finished()
    assert 3 <= len(before) < 40
    assert all(corpus.cache.get(path.parent.name + path.name) is not None for path in corpus.cache.entries())


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_full_disk_under_the_cache_is_one_line(
    corpus: SoundCorpus, undisturbed: tuple[bytes, bytes], workers: int
) -> None:
    corpus.set(workers=workers)
    with mounted(corpus.cache.root, "size=200k"):
        one_line(corpus.stage(), "No space left on device", "run the same command again")
        assert not corpus.out.exists()
    corpus.run_here()
    assert result(corpus) == undisturbed


def test_a_full_disk_under_the_features_is_one_line(corpus: SoundCorpus, undisturbed: tuple[bytes, bytes]) -> None:
    with mounted(corpus.features, "size=100k"):
        corpus.save()
        one_line(corpus.stage(), "No space left on device", "run the same command again")
        assert [path.name for path in corpus.features.iterdir() if path.suffix == ".h5"] == []
    done = corpus.stage()
    assert "60 of 60 clips from the clip cache" in done.stdout, done.stderr
    assert result(corpus) == undisturbed


def test_an_output_folder_that_cannot_be_written_is_one_line(
    corpus: SoundCorpus, undisturbed: tuple[bytes, bytes]
) -> None:
    with mounted(corpus.features, "size=1m"):
        corpus.save()
        subprocess.run(["mount", "-o", "remount,ro", corpus.features], check=True)
        one_line(corpus.stage(), "Read-only file system", "features/c")
    assert corpus.stage().returncode == 0
    assert result(corpus) == undisturbed


def test_two_runs_at_once_both_complete(corpus: SoundCorpus, undisturbed: tuple[bytes, bytes]) -> None:
    runs = [corpus.start(python=warm.folder() / "python") for _ in range(2)]  # two processes, whose work begins at once
    outcomes = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    assert [code for _, _, code in outcomes] == [0, 0], outcomes
    assert result(corpus) == undisturbed


def test_damaged_entries_are_computed_again_and_no_other(corpus: SoundCorpus, undisturbed: tuple[bytes, bytes]) -> None:
    corpus.run_here()
    entries = sorted(corpus.cache.entries())
    before = corpus.finished()
    for number, path in enumerate(entries[:6]):
        raw = bytearray(path.read_bytes())
        if number % 2:
            raw = raw[: len(raw) // (number + 1)]
        else:
            raw[len(raw) * number // 7 + 9] ^= 1
        path.write_bytes(raw)
    corpus.out.unlink()
    corpus.run_here()
    after = corpus.finished()
    assert {name for name in before if after[name] != before[name]} == {path.name for path in entries[:6]}
    assert result(corpus) == undisturbed


def test_a_cache_that_is_deleted_is_made_again(corpus: SoundCorpus, undisturbed: tuple[bytes, bytes]) -> None:
    corpus.run_here()
    for path in corpus.cache.entries():
        path.unlink()
    corpus.run_here()
    assert result(corpus) == undisturbed
