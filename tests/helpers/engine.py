"""A small corpus of sound and the real `extract` stage on it, for tests of what the engine survives."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Self

import numpy as np
import pytest
import yaml

from helpers import warm
from helpers.media import tone, write_media
from helpers.project import ROOT
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry, read_ledger, write_ledger
from pipeline.core.settings import Runtime
from pipeline.engine.clip_cache import ClipCache
from pipeline.engine.run import run
from pipeline.features.extract_job import ExtractJob, extractor_params

FEATURE = "mfcc39"


class SoundCorpus:
    """A project folder with one corpus, `c`, of short tones.

    Args:
        root: the folder, made here
        count: clips
        seconds: of each
    """

    def __init__(self, root: Path, count: int, seconds: float = 0.3) -> None:
        self._place(root)
        for folder in (self.features, self.media):
            folder.mkdir(parents=True)
        self.clips = [self.clip(number, seconds) for number in range(count)]
        self.set(workers=1)
        self.save()

    def _place(self, root: Path) -> None:
        self.root = root
        self.features, self.media = root / "features/c", root / "data/c"
        self.cache = ClipCache(root / "cache")

    def copy(self, root: Path) -> Self:
        """Return the same project in another folder, made here."""
        twin = copy(self)
        twin._place(root)
        shutil.copytree(self.root, root)
        twin.set(workers=1)
        return twin

    @property
    def out(self) -> Path:
        """The feature file."""
        return self.features / f"{FEATURE}.h5"

    @property
    def ledger(self) -> Path:
        """The stage's ledger."""
        return self.features / f"{FEATURE}.ledger.csv"

    def clip(self, number: int, seconds: float = 0.3) -> Clip:
        """Write a sound file and return its clip."""
        sound = tone(seconds, hz=200 + number) + np.random.default_rng(number).normal(0, 0.01, round(seconds * 16000))
        path = write_media(self.media / f"c{number:05d}.wav", sound=sound.astype(np.float32))
        return Clip(path.stem, path.name, f"s{number % 3}", "anger", digest=file_digest(path))

    def save(self) -> None:
        """Write the manifest and the ledger of `prepare`."""
        write_manifest(self.features / "manifest.csv", self.clips)
        write_ledger(self.features / "prepare.ledger.csv", [Entry(clip.clip_id, "prepare") for clip in self.clips])

    def set(self, **runtime: object) -> None:
        """Write params.yaml."""
        runtime = {"clip_cache": str(self.cache.root), **runtime}
        params = {
            "runtime": runtime,
            "corpora": {"c": {"adapter": "manifest_csv", "root": "data/c"}},
            "extract": {FEATURE: {}},
        }
        (self.root / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    def run_here(self, workers: int = 1, **params: object) -> str:
        """Run the engine in this process, with settings of the feature, and return its line."""
        job = ExtractJob(FEATURE, extractor_params(FEATURE, params, "test"), self.media)
        runtime = Runtime(workers=workers, clip_cache=str(self.cache.root), max_failed_fraction=1.0)
        upstream = read_ledger(self.features / "prepare.ledger.csv")
        return run(job, self.clips, upstream, job.meta(), self.out, self.ledger, runtime)

    def start(self, *words: str, python: str | Path = sys.executable) -> subprocess.Popen[str]:
        """Begin the stage as dvc.yaml does, in a process group of its own."""
        command = [*words, python, "-m", "stages.extract", "--corpus", "c", "--section", "extract"]
        command += ["--feature", FEATURE]
        files = {"manifest": "manifest.csv", "upstream": "prepare.ledger.csv"}
        for name, file in {**files, "out": self.out.name, "ledger": self.ledger.name}.items():
            command += [f"--{name}", f"features/c/{file}"]
        environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT), "PYTHONHASHSEED": "0"}
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=environment,
            text=True,
            start_new_session=True,
            # these tests may themselves run where it is ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def stage(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the stage to its end, quickly; behind other words, in a process of its own."""
        process = self.start(*words, python=sys.executable if words else warm.folder() / "python")
        printed, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, printed, errors)

    def finished(self) -> dict[str, int]:
        """Return the entry of every clip that is in the cache: name -> inode; a clip computed again has another one."""
        held = self.root / "held"  # a second name for each, or a new file could get the number of one that was deleted
        held.mkdir(exist_ok=True)
        found = {}
        for path in self.cache.entries():
            found[path.name] = path.stat().st_ino
            if not (held / str(found[path.name])).exists():
                os.link(path, held / str(found[path.name]))
        return found


def again(before: dict[str, int], corpus: SoundCorpus) -> set[str]:
    """Return the entries that were computed again since `corpus.finished` gave `before`.

    Those that a finished run has packed have no arrays of their own and another inode; that run's line counts them.
    """
    heads = {path.name: corpus.cache.peek(path) for path in corpus.cache.entries()}
    after = corpus.finished()
    return {name for name in before if after[name] != before[name] and not heads[name].pack}


def kill(process: subprocess.Popen[str]) -> None:
    """Kill -9 a process and its workers."""
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """Put a small file system over a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let a folder be read alone, also by root."""
    steps = (["mount", "--bind", folder, folder], ["mount", "-o", "remount,ro,bind", folder])
    for step in steps:
        if (done := subprocess.run(step, capture_output=True, text=True)).returncode:
            subprocess.run(["umount", folder], capture_output=True)
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
