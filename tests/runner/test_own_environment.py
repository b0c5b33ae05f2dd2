"""A command by another Python than the environment's is one line that says so."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from helpers.project import ROOT
from pipeline.runner import own_environment


def outside(*words: str, missing: str = "", **more: str) -> tuple[int, str, str]:
    """Run a command by a Python without any package, or with all but one."""
    alone = [] if missing else ["-S"]
    done = subprocess.run(
        [sys.executable, *alone, *words], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **more}
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("scripts/repro.py",), "dvc, yaml, networkx"),
        (("scripts/settings_page.py",), "pydantic, yaml"),
        (("scripts/report_picture.py",), "numpy, PIL, playwright"),
        (("-m", "stages.code", "--plan", "p", "--out", "c"), "numpy, yaml, pydantic, psutil, h5py, scipy, av"),
    ],
)
def test_scripts_and_stages_without_packages(words, names):
    said = f"error: {sys.executable} has no {names}: this is not the project's environment, or not all of it"
    assert outside(*words) == (1, "", f"{said}; {own_environment.MAKE}\n")


@pytest.mark.parametrize("name", ["pydantic", "h5py", "yaml"])
def test_a_command_whose_package_is_missing(tmp_path, name):
    (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n")
    code, printed, errors = outside("-m", "pipeline", "check", missing=name, PYTHONPATH=os.fspath(tmp_path))
    assert (code, printed, errors.count("\n")) == (1, "", 1)
    assert errors.startswith(f"error: {sys.executable}")
    assert name in errors
    assert own_environment.MAKE in errors
    assert "bug" not in errors


def test_a_broken_library_is_the_environments_and_a_mistake_of_ours_a_bug():
    broken = own_environment.unmet(ImportError("libGL.so.1: cannot open shared object file"))
    assert "libGL.so.1" in broken
    assert "doctor" in broken
    assert "pydantic" in own_environment.unmet(ImportError("cannot import name 'x' from 'pydantic'", name="pydantic"))
    assert own_environment.unmet(ModuleNotFoundError("No module named 'pipeline.x'", name="pipeline.x")) == ""
    assert own_environment.unmet(ValueError("x")) == ""


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 13))
    assert "is Python 3.10.13, but 3.11 or newer is needed" in own_environment.fault()
    with pytest.raises(SystemExit, match=r"error: .*3\.10\.13"):
        own_environment.leave_unless_here()


def test_the_project_itself_has_what_is_asked_for():
    assert own_environment.fault("dvc", "yaml", "networkx", "PIL", "playwright", "numpy", "pydantic", "psutil") == ""
