"""Every network of the papers' profiles at its real size: a step, a checkpoint, a kill, a resume, memory.

`python -m pytest -m long tests/networks/test_full_size.py -s` prints a row for each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helpers.full_size import NETWORKS, STATELESS

pytestmark = pytest.mark.long

PARAMETERS = {"anet": 57.0e6, "vnet": 78.0e6, "a1024": 5.8e6, "pool5": 61.2e6, "gender": 89_000, "dbn2": 42.0e6}
"""About what the paper's layers hold."""


def run(paper: str, name: str, folder: Path, *kill: str) -> tuple[int, dict[str, Any]]:
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "helpers.full_size", paper, name, str(folder), *kill],
        cwd=tests.parent, env={**os.environ, "PYTHONPATH": f"{tests}{os.pathsep}{tests.parent}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout) if done.stdout else {}


@pytest.mark.parametrize(("paper", "name"), [(paper, name) for paper, names in NETWORKS.items() for name in names])
def test_a_network_at_its_real_size_learns_is_killed_and_goes_on(paper: str, name: str, tmp_path: Path) -> None:
    resumes = name.rsplit("-")[-1] not in STATELESS
    if resumes:
        code, _ = run(paper, name, tmp_path, "kill")
        assert code == -signal.SIGKILL, "it wrote no checkpoint"
    code, found = run(paper, name, tmp_path)
    assert code == 0
    assert found["finite"]
    assert found["steps"] >= 1
    if name in PARAMETERS:
        assert found["parameters"] == pytest.approx(PARAMETERS[name], rel=0.05)
    size = f"{found['parameters'] / 1e6:.1f} M"
    told = "killed, resumed" if resumes else "in one go"
    print(f"\n| {paper} | {name} | {size} | {found['peak_gb']:.1f} GB | {found['seconds_a_step']:.2f} s | {told} |")
