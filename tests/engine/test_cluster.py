"""The Dask backend with a real scheduler and real workers: the bytes of a local run, also when a worker is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from helpers.engine import SoundCorpus, again
from helpers.project import ROOT
from pipeline.__main__ import main
from pipeline.core.errors import SettingsError
from pipeline.core.settings import Runtime, parse
from pipeline.engine.cluster import Surroundings, _differences

pytestmark = pytest.mark.xdist_group("cluster")


class Cluster:
    """A scheduler and workers, as their own commands start them."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.processes: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self.start("scheduler", "--port", "0", "--scheduler-file", str(self.file))

    def start(self, role: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        command = [f"{Path(sys.executable).parent}/dask", role, "--no-dashboard", *options]
        log = (self.folder / f"{role}{len(self.processes)}.log").open("wb")
        self.processes.append(
            subprocess.Popen(
                command,
                cwd=self.folder,
                env={**self.environment, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        return self.processes[-1]

    def worker(self, name: str, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        return self.start(
            "worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--name", name, *options, **environment
        )

    @property
    def address(self) -> str:
        """The scheduler's, once it listens."""
        end = time.monotonic() + 30
        while not self.file.is_file() and time.monotonic() < end:
            time.sleep(0.05)
        return json.loads(self.file.read_text())["address"]

    def stop(self) -> None:
        for process in self.processes:
            for one in (
                [*psutil.Process(process.pid).children(recursive=True), process] if process.poll() is None else []
            ):
                one.kill()
            process.wait()


@pytest.fixture
def environment(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What `python -m pipeline environment` says, and the rest of ours."""
    assert main(["environment"]) == 0
    said = dict(word.split("=", 1) for word in capsys.readouterr().out.split())
    assert said["PYTHONPATH"] == os.fspath(ROOT)
    return {**os.environ, **said}


@pytest.fixture
def corpus(tmp_path: Path) -> SoundCorpus:
    return SoundCorpus(tmp_path / "p", 30, seconds=5.0)


@pytest.fixture
def cluster(corpus: SoundCorpus, environment: dict[str, str]) -> Iterator[Cluster]:
    found = Cluster(corpus.root, environment)
    yield found
    found.stop()


@pytest.mark.long
def test_a_worker_killed_in_the_middle_costs_its_clip_and_the_bytes_are_those_of_a_local_run(
    corpus: SoundCorpus, cluster: Cluster
) -> None:
    first = cluster.worker("first", "--no-nanny")
    cluster.worker("second", "--no-nanny")
    corpus.set(backend="dask", scheduler=cluster.address)
    run = corpus.start()
    while len(corpus.finished()) < 6 and run.poll() is None:
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    before = corpus.finished()
    printed, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    assert "Traceback" not in errors
    assert "30 ok; 0 of 30 clips from the clip cache" in printed
    assert len(before) < 30, "the worker was killed too late"
    assert not again(before, corpus)
    bytes_of_dask = corpus.out.read_bytes(), corpus.ledger.read_bytes()
    for path in corpus.cache.entries():
        path.unlink()
    corpus.run_here()
    assert (corpus.out.read_bytes(), corpus.ledger.read_bytes()) == bytes_of_dask


@pytest.mark.long
def test_what_does_not_suit_is_one_line(corpus: SoundCorpus, cluster: Cluster) -> None:
    corpus.set(backend="dask", scheduler=cluster.address)
    lines = [corpus.stage().stderr.strip()]
    cluster.worker("other", "--no-nanny", "--preload", "numpy", OPENBLAS_CORETYPE="Zen")
    time.sleep(4)
    lines.append(corpus.stage().stderr.strip())
    corpus.set(backend="dask", scheduler="tcp://127.0.0.1:9")
    lines.append(corpus.stage().stderr.strip())
    assert all(line.startswith("error: ") and "\n" not in line for line in lines), lines
    assert "has no worker; start both in this project's folder" in lines[0]
    assert "runs without OPENBLAS_CORETYPE in its environment; start both" in lines[1]
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in lines[2]


OWN = Surroundings("ab", "/p", True, (), 1)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (OWN, ""),
        (OWN._replace(code="cd"), "with other code (it may only be older: restart it)"),
        (OWN._replace(folder="/q", cache=False), "in /q and not in /p, without this clip cache"),
        (OWN._replace(threads=4, numeric=("A", "B")), "without A, B in its environment, with 4 threads"),
    ],
)
def test_differences_are_told_in_words(seen: Surroundings, words: str) -> None:
    assert _differences(OWN, seen) == words


@pytest.mark.parametrize("settings", [{"backend": "spark"}, {"scheduler": "localhost:8786"}])
def test_wrong_settings_name_their_key(settings: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=f"params.yaml: runtime.{next(iter(settings))}: "):
        parse(Runtime, settings, "params.yaml: runtime")
