"""A copy of the project with real corpora alone, for `benchmarks.accuracy`; what the user has made is only read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.disk import PLACES, sizes
from pipeline.systems.plan import write_plan

CODE = ("pipeline", "stages", "scripts", "profiles", "benchmarks", "dvc.yaml", "weights.lock", ".dvcignore")
MADE = ("dvc.lock", "data/sources", "models/pretrained")
"""What is taken over if it is there, and not made anew where it is up to date: networks trained on source tasks."""
TAKES = (*PLACES.values(), "models", "reports")
"""Where a system's results lie."""


@dataclass(frozen=True)
class Corpus:
    """A corpus at hand: its name, the adapter, the folder, and the protocol as in params.yaml."""

    name: str
    adapter: str
    root: Path
    protocol: Any

    @classmethod
    def parse(cls, text: str) -> Corpus:
        """Return what NAME=ADAPTER:FOLDER:PROTOCOL says; PROTOCOL is a name or a mapping, `{name: kfold, groups: 3}`.

        A ValueError says what is wrong.

        >>> Corpus.parse("mine=manifest_csv:/data/mine:loso").protocol
        {'name': 'loso'}
        """
        name, _, rest = text.partition("=")
        adapter, root, protocol = [*rest.split(":", 2), "", "", ""][:3]
        if not (name and adapter and root and protocol):
            raise ValueError(f"--corpus {text}: not NAME=ADAPTER:FOLDER:PROTOCOL, mine=manifest_csv:/data/mine:loso")
        found = yaml.safe_load(protocol)
        return cls(name, adapter, Path(root).resolve(), found if isinstance(found, dict) else {"name": found})


class Failed(Exception):
    """A command of the copy that failed; the message is the last line that it printed."""


class Copy:
    """The project in another folder.

    Attributes:
        root: its folder
        taken: what of `MADE` was there
    """

    def __init__(self, root: Path, params: dict[str, Any], corpora: Sequence[Corpus]) -> None:
        self.root, self._seen = root, set[int]()
        self.taken = [entry for entry in MADE if Path(entry).exists()]
        for entry in (*CODE, *self.taken):
            (root / entry).parent.mkdir(parents=True, exist_ok=True)
            if Path(entry).is_dir():
                shutil.copytree(entry, root / entry, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(entry, root / entry)
        blocks = {c.name: {"adapter": c.adapter, "root": str(c.root), "protocol": c.protocol} for c in corpora}
        text = yaml.safe_dump({**params, "corpora": blocks, "degrade": {}}, sort_keys=False)
        (root / "params.yaml").write_text(text, encoding="utf-8")
        write_plan(yaml.safe_load(text), root / "plan.yaml")
        self.run("dvc", "init", "--quiet", "--no-scm")
        shutil.copyfile(".dvc/config", root / ".dvc/config")
        self.run("dvc", "config", "--local", "core.no_scm", "true")
        self.run("dvc", "repro", "--quiet", "code")
        self.new_mb()

    def run(self, *command: str) -> str:
        """Return what a command of this environment printed; Failed if it ended otherwise than well."""
        path = os.pathsep.join([os.fspath(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(self.root), "PYTHONHASHSEED": "0"}
        done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            printed = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            errors = [line for line in printed if line.lower().startswith("error")]
            raise Failed([*printed, *errors][-1] if printed else f"{command[0]}: exit code {done.returncode}")
        return done.stdout

    def repro(self, target: str, jobs: int) -> float:
        """Make what a target rests on and the target, and return how long it took, s."""
        begin = time.perf_counter()
        self.run(sys.executable, "scripts/repro.py", "--jobs", str(jobs), target)
        return time.perf_counter() - begin

    def new_mb(self) -> float:
        """Return what was written since the last call, MB as blocks on the disk; a file counts once."""
        return sum(sizes((self.root / place).rglob("*"), self._seen)[0] for place in TAKES) / 1e6
