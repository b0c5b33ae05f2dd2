"""A copy of the project in a folder of its own, for tests that run DVC."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from helpers import warm
from pipeline.runner.stage_client import SERVER
from pipeline.systems.plan import write_plan

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    "dvc.yaml",
    "plan.yaml",
    "params.yaml",
    "weights.lock",
    ".dvcignore",
    ".gitignore",
    ".dvc/config",
    ".dvc/.gitignore",
)
FOLDERS = ("pipeline", "stages", "scripts")
DATA = ("data", "features", "models", "reports")
NULL = object()
"""null as the value of a setting; None removes the key."""


class Project:
    """A git repository with the code and the settings of this one, and no artifacts.

    Attributes:
        root: its folder
        warm: whether its stages run in forks of a process that has imported the libraries, see `helpers.warm`
    """

    def __init__(self, root: Path, warm: bool = True) -> None:
        self.warm = warm
        if shutil.which("git") is None:
            pytest.skip("DVC's own tests here need git")
        self.root = root
        for name in FOLDERS:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in (*FILES, *(f"{folder}/.gitignore" for folder in DATA)):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
        # the detector's published weights, which no stage fetches in SMALL; its own detector takes none
        for name in ("mtcnn", "landmarks"):
            (root / "models/pretrained" / name).mkdir(parents=True)
            (root / "models/pretrained" / name / "none.txt").write_text("no weights in tests\n", encoding="utf-8")
        self.git("init", "-q")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "copy")

    @classmethod
    def made(cls, root: Path) -> Project:
        """Return what another process has made."""
        project = cls.__new__(cls)
        project.root, project.warm = root, True
        return project

    def git(self, *args: str) -> str:
        """Run git and return what it printed."""
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.invalid", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ("git", *identity, *args), cwd=self.root, check=True, capture_output=True, text=True
        ).stdout

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment in the project, without failing on its exit code."""
        own = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**warm.environment(), SERVER: warm.address()} if self.warm else {**os.environ, "PATH": own}
        environment["PYTHONHASHSEED"] = "0"
        return subprocess.run(args, cwd=self.root, capture_output=True, text=True, env=environment, timeout=900)

    def repro(self, *targets: str) -> list[str]:
        """Run `dvc repro`, see that it succeeds, and return the stages that ran."""
        done = self.run("dvc", "repro", *targets)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return ran(done.stdout)

    def repro_two(self, *targets: str) -> list[str]:
        """Run two stages at a time, see that they succeed, and return the stages that began."""
        done = self.run("python", "scripts/repro.py", "--jobs", "2", *targets)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return [line.removesuffix(" begins") for line in done.stdout.splitlines() if line.endswith(" begins")]

    def forget(self, stages: Container[str]) -> None:
        """Take stages out of dvc.lock, which DVC reads and writes anew for each that runs: the fewer, the sooner."""
        path = self.root / "dvc.lock"
        lock = yaml.safe_load(path.read_text(encoding="utf-8"))
        lock["stages"] = {name: entry for name, entry in lock["stages"].items() if name not in stages}
        path.write_text(yaml.safe_dump(lock, sort_keys=False), encoding="utf-8")

    @property
    def params(self) -> dict[str, Any]:
        """params.yaml as it is now."""
        return yaml.safe_load((self.root / "params.yaml").read_text(encoding="utf-8"))

    def set(self, changes: Mapping[str, Any]) -> None:
        """Change settings by dotted key; a value of None removes the key."""
        params = self.params
        for key, value in changes.items():
            *path, last = key.split(".")
            node = params
            for part in path:
                node = node.setdefault(part, {})
            if value is None:
                del node[last]
            else:
                node[last] = None if value is NULL else value
        (self.root / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
        write_plan(params, self.root / "plan.yaml")


def ran(output: str) -> list[str]:
    """Return the stages that DVC says it ran, in order."""
    lines = [line for line in output.splitlines() if line.startswith("Running stage '")]
    return [line.split("'")[1] for line in lines]


SMALL = {
    "generate.demo.speakers": 3,
    "generate.demo.takes": 1,
    "generate.demo.seconds": 1.0,
    "generate.sources": {
        "seed": 7,
        "voices": 4,
        "utterances": 1,
        "identities": 2,
        "pictures": 4,
        "textures": 4,
        "texture_pictures": 4,
        "actions": 1,
        "strength_voice": 0.3,
    },
    "corpora.demo.protocol": {"name": "logso", "groups": 3, "validation": 0.3, "seed": 0},
    "pretrain.a60.settings.hidden": 16,
    "pretrain.a60.settings.held_out_speakers": 1,
    "pretrain.a60.settings.loop.epochs": 1,
    "pretrain.pool5.settings.width": 0.125,
    "pretrain.pool5.settings.loop.epochs": 1,
    "pretrain.alexnet.settings.width": 0.03125,
    "pretrain.alexnet.settings.loop.epochs": 1,
    "pretrain.c3d.settings.width": 0.03125,
    "pretrain.c3d.settings.size": 32,
    "pretrain.c3d.settings.loop.epochs": 1,
    "pretrain.a1024": None,
    "extract_speech.a1024": None,
    "fetch_weights": {},  # the tests of the DAG need no network
    "extract_face.dlib128": None,
    "extract.lld147": None,
    "systems.reference": None,
    "systems.huang2017.features": {"a60": "audio", "v1024": "video"},
    "systems.huang2017.fused": ["lstm", "svm"],
    **{f"systems.{name}.baselines": {} for name in ("huang2017", "zhang2017", "ouyang2017")},
    **{f"systems.{name}.also": {} for name in ("huang2017", "zhang2017")},
    "select.v2048": None,
    "select.v1024.k": 64,
    "rank.pool5.trees": 6,
    "rank.pool5.max_rows": 200,
    "systems.zhang2017.also": {},
    "systems.zhang2017.features": {"anet": "audio", "vnet": "video", "dbn2": "joint"},
    "segments_audio.alexaudio": None,
    "segments_audio.anet15": None,
    "segments_audio.anet.tune.epochs": 1,
    "segments_video.c3dvisual": None,
    "segments_video.vnet.settings.size": 32,
    "segments_video.vnet.tune.epochs": 1,
    "fuse_features": {
        "dbn2": {
            "network": "dbn",
            "keep": "all",
            "settings": {
                "layers": [16, 8],
                "pretrain_epochs": 2,
                "gaussian_learning_rate": 0.001,
                "pretrain_learning_rate": 0.05,
                "weight_decay": 0.0002,
                "cd_steps": 1,
                "reconstruction": "mean",
                "epochs": 3,
                "learning_rate": 0.05,
                "momentum": 0.9,
                "batch": 30,
                "patience": None,
                "seed": 0,
            },
        }
    },
    "train.linear_svm.c": [0.01],
    "track_faces.eyes": "detector",
    "align_faces.detector": "dlib_hog",
    "align_faces.detector_settings": {},
    "align_faces.px": 44,
    "pretrain.vggface.settings.width": 0.03125,
    "pretrain.vggface.settings.detect": NULL,  # whole crops, since there is no detector
    "pretrain.vggface.settings.size": 38,
    "pretrain.vggface.settings.loop.epochs": 1,
    "pretrain.pyramid": None,
    "clip_features.vggface.settings.size": 38,
    "clip_features.pyramid": None,
    "clip_features.c3d": None,
    "end_to_end": {
        "vggface": {
            "settings": {"size": 38},
            "cells": 8,
            "iterations": 3,
            "batch": 4,
            "judge_every": 2,
            "keep": ["fold-00"],
        }
    },
    "systems.ouyang2017.features": {"vggface": "video"},
    "systems.ouyang2017.classifiers": ["image_set"],
    "systems.ouyang2017.also": {"vggface-end_to_end": "video", "egemaps-transfer": "audio"},
    "systems.ouyang2017.combined": {
        "visual": {"rule": "average", "of": ["vggface-end_to_end", "vggface-image_set"]},
        "audio_visual": {"rule": "weighted", "of": ["vggface-image_set", "visual", "egemaps-transfer"]},
    },
    "systems.ouyang2017.feedback.steps": 3,
    "train.transfer.epochs": 3,
    "fuse.weighted.candidates": [0, 1],
    "report.draws": 200,
    "train.lstm.epochs": 2,
    "train.lstm.cells": 16,
    "train.svm.c": [0.01],
}
"""Settings that bring the whole DAG down to minutes."""
