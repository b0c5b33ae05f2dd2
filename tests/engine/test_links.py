"""DVC with this project's configuration, the workspace and the clip cache hold one file under three names."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from helpers import warm
from helpers.project import ROOT

STAGE = """
from pathlib import Path
from pipeline.core.files import atomic_path
from pipeline.engine.cache_folder import Packs
with atomic_path(Path("out.h5")) as path:
    path.write_bytes(b"x" * 10_000 + Path("in.txt").read_bytes())
print(Packs(Path("cache")).add(Path("out.h5")))
"""


def dvc(root: Path, *words: str) -> str:
    environment = {**warm.environment(), "PYTHONPATH": str(ROOT)}
    run = subprocess.run(["dvc", *words], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.mark.slow
def test_one_file_has_three_names_and_a_rerun_replaces_it(tmp_path: Path) -> None:
    dvc(tmp_path, "init", "--no-scm", "--quiet")
    shutil.copyfile(ROOT / ".dvc/config", tmp_path / ".dvc/config")
    (tmp_path / ".dvc/config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    (tmp_path / "stage.py").write_text(STAGE, encoding="utf-8")
    (tmp_path / "dvc.yaml").write_text(
        f"stages:\n  a:\n    cmd: {sys.executable} stage.py\n    deps: [in.txt]\n    outs: [out.h5]\n", encoding="utf-8"
    )
    out, seen = tmp_path / "out.h5", []
    for content in ("1", "2"):
        (tmp_path / "in.txt").write_text(content, encoding="utf-8")
        dvc(tmp_path, "repro", "--quiet")
        state = out.stat()
        assert state.st_nlink == 3
        assert stat.S_IMODE(state.st_mode) == 0o444
        (cached,) = [p for p in (tmp_path / ".dvc/cache/files").rglob("*") if p.is_file() and p.samefile(out)]
        seen.append(cached)
        assert out.read_bytes().endswith(content.encode())
    assert seen[0].read_bytes().endswith(b"1"), "the rerun wrote a new file"
    assert len([p for p in (tmp_path / "cache").iterdir() if p.samefile(out)]) == 1
    (tmp_path / "in.txt").write_text("1", encoding="utf-8")
    assert "cached - skipping run" in dvc(tmp_path, "repro")
    assert out.samefile(seen[0])
    assert "up to date" in dvc(tmp_path, "status")
