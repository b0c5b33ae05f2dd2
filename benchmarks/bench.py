"""A project folder of its own for measurements: per-clip stages as dvc.yaml spells them, over clips that are made of
the demo's.

Networks are those of `make repro`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import yaml

SECTIONS = (
    "prepare",
    "track_faces",
    "crop_faces",
    "align_faces",
    "extract",
    "extract_speech",
    "extract_face",
    "segments_audio",
    "segments_video",
    "clip_features",
)


def commands() -> dict[str, str]:
    """Return the command of every per-clip stage of the demo, in an order in which they can run."""
    from dvc.repo import Repo

    with Repo() as repo:
        found = {
            stage.name: stage.cmd
            for stage in repo.index.stages
            if re.match(rf"({'|'.join(SECTIONS)})@demo", stage.name)
        }
    tuned = {
        f"segments_{kind}@demo-{name}"
        for kind in ("audio", "video")
        for name, block in params()[f"segments_{kind}"].items()
        if block.get("tune")
    }
    names = [
        name for section in SECTIONS for name in sorted(found) if name.split("@")[0] == section and name not in tuned
    ]
    return {name: found[name] for name in names}


def chosen(words: Sequence[str]) -> dict[str, str]:
    """Return the commands of the stages with one of some words in their name, of all where there is no word.

    A stage that reads another one's file needs that one's word, too.
    """
    return {name: command for name, command in commands().items() if not words or any(word in name for word in words)}


def params() -> dict:
    """Return params.yaml."""
    return yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))


class Bench:
    """A project folder with some clips and a clip cache of its own."""

    def __init__(self, root: Path, workers: int) -> None:
        self.root = root
        (root / "data/demo").mkdir(parents=True)
        (root / "features/demo").mkdir(parents=True)
        (root / "models").symlink_to(Path("models").resolve())
        settings = params()
        settings["corpora"]["demo"] |= {"adapter": "manifest_csv", "protocol": {"name": "none"}}
        settings["runtime"] = {"workers": workers}
        (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
        self.rows: list[str] = []
        self.sources = cycle(sorted(Path("data/demo").rglob("*.mp4")))

    def add(self, count: int) -> None:
        """Add clips of the demo, each with a few bytes more in its MP4 (a `free` box), so that every file is another
        one.
        """
        for _ in range(count):
            source, name = next(self.sources), f"c{len(self.rows):05d}"
            target = self.root / f"data/demo/{name}.mp4"
            shutil.copyfile(source, target)
            with target.open("ab") as file:
                file.write((16).to_bytes(4, "big") + b"free" + len(self.rows).to_bytes(8, "big"))
            self.enter(f"{name}.mp4", source.parent.name, source.stem.split("_")[1])

    def enter(self, path: str, speaker: str, emotion: str) -> None:
        """Write one more file of the folder into the corpus's table."""
        self.rows.append(f"{Path(path).stem},{path},{speaker},{emotion}")
        table = "\n".join(["clip_id,path,speaker,emotion", *self.rows])
        (self.root / "data/demo/manifest.csv").write_text(table + "\n", encoding="utf-8")

    def run(self, command: str) -> float:
        """Return seconds of one stage; what it writes is deleted before, as `dvc repro` does."""
        words = [sys.executable, *command.split()[1:]]
        self.out(command).unlink(missing_ok=True)
        os.sync()  # or this run waits for the disk to take what the one before wrote
        environment = {**os.environ, "PYTHONPATH": os.getcwd(), "PYTHONHASHSEED": "0"}
        begin = time.perf_counter()
        subprocess.run(words, cwd=self.root, env=environment, check=True, capture_output=True)
        return time.perf_counter() - begin

    def out(self, command: str) -> Path:
        """Return the main file that a stage writes."""
        words = command.split()
        return self.root / words[words.index("--out" if "--out" in words else "--manifest") + 1]

    def forget(self) -> None:
        """Delete the clip cache."""
        shutil.rmtree(self.root / ".cache", ignore_errors=True)
