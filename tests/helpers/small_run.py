"""A project after its first run on a small generated corpus, made once for all tests and workers that need it."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import yaml
from filelock import FileLock

from helpers.project import SMALL, Project

SYSTEMS = ("huang2017", "zhang2017", "ouyang2017")


def first_run(folder: Path) -> Project:
    """Return the project in this folder after its first run, with one worker and two stages at a time.

    Processes that ask for the same folder get one project: the first makes it, the others wait.
    """
    folder.mkdir(exist_ok=True)
    with FileLock(folder / "made.lock"):
        told = folder / "ran.json"
        if told.is_file():
            project = Project.made(folder / "project")
        else:
            shutil.rmtree(folder / "project", ignore_errors=True)
            project = Project(folder / "project")
            project.set({**SMALL, "runtime.workers": 1})
            told.write_text(json.dumps(project.repro_two()), encoding="utf-8")
    project.ran = json.loads(told.read_text(encoding="utf-8"))
    return project


def copy_of(project: Project, root: Path) -> Project:
    """The same project with its artifacts and DVC's cache, in another folder."""
    shutil.copytree(project.root, root, symlinks=True)
    twin = copy.copy(project)
    twin.root = root
    return twin


def locked(project: Project) -> dict[str, str]:
    """Every output's path and hash, from dvc.lock."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))
    return {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}


def names(stages: list[str]) -> set[str]:
    return {stage.split("@")[0] for stage in stages}
