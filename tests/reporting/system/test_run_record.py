"""The record of a run rests on what DVC does: dvc.lock names a stage before the next one begins."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from helpers import warm

ROOT = Path(__file__).resolve().parents[3]
TELL = """
import json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from pipeline.reporting.system.run_record import run_record
Path("record.json").write_text(json.dumps(run_record([Path("b.txt")], {{"report": {{"bins": 15}}}})))
"""


@pytest.mark.slow
def test_dvc_has_written_what_a_stage_rests_on_before_the_stage_begins(tmp_path):
    (tmp_path / "tell.py").write_text(TELL.format(root=str(ROOT)))
    (tmp_path / "params.yaml").write_text("select: {k: 512}\ntrain: {rate: 2.0e-05}\n")
    stages = {
        "one": {"cmd": "echo 1 > a.txt", "params": ["select"], "outs": ["a.txt"]},
        "two": {"cmd": "cat a.txt > b.txt", "deps": ["a.txt"], "params": ["train.rate"], "outs": ["b.txt"]},
        "report": {"cmd": f"{sys.executable} tell.py", "deps": ["b.txt"], "outs": ["record.json"]},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for command in (["init", "--no-scm", "-q"], ["repro", "-q"]):
        subprocess.run(["dvc", *command], cwd=tmp_path, env=warm.environment(), check=True, timeout=120)
    found = json.loads((tmp_path / "record.json").read_text())
    assert found["settings"] == {"report": {"bins": 15}, "select": {"k": 512}, "train.rate": 2e-05}
    assert found["unknown"] == []
