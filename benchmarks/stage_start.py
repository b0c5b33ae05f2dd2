"""What a stage costs before its first line, and what DVC takes to enter it into dvc.lock.

    python -m benchmarks.stage_start

A stage that imports what `stages.train` imports and ends: as a process of its own, and as a fork of the server of
`scripts/repro.py`, in turn. One entry of this project's dvc.lock that changes: read and written by DVC as it is, and
with `pipeline.runner.lock_writer`. Medians, seconds of a clock, on a machine that does nothing else.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import clocked
from pipeline.runner.lock_writer import LockText
from pipeline.runner.stage_client import StageServer, asked, wait
from pipeline.runner.stage_server import Request

STAGE = "import h5py, joblib, numpy, pandas, psutil, pydantic, scipy.stats, sklearn.linear_model, sklearn.svm, torch\n"
ROUNDS = 9


def stages(folder: Path) -> tuple[float, float]:
    """Return the median of a process and of a fork, s."""
    (folder / "stages").mkdir()
    (folder / "stages/__init__.py").touch()
    (folder / "stages/none.py").write_text(STAGE, encoding="utf-8")
    environment, cores = dict(os.environ), sorted(os.sched_getaffinity(0))
    request = Request(["stages.none"], os.fspath(folder), environment, cores, True)
    with StageServer() as server:
        wait(server.address)

        def process() -> None:
            subprocess.run([sys.executable, "-m", "stages.none"], cwd=folder, check=True)

        def fork() -> None:
            asked(server.address, request).communicate()

        times = [(clocked(process), clocked(fork)) for _ in range(ROUNDS + 1)][1:]  # the first finds no bytecode
    return statistics.median(one for one, _ in times), statistics.median(two for _, two in times)


def lock() -> tuple[float, float]:
    """Return the median of DVC's way and of ours with one entry of dvc.lock, s."""
    from dvc.utils.serialize import _yaml

    text, ours = Path("dvc.lock").read_text(encoding="utf-8"), LockText()

    def plainly() -> None:
        _yaml._dump(_yaml.parse_yaml_for_update(text, "dvc.lock"), io.StringIO())

    def by_entry() -> None:
        data = ours.parse(text, lambda part: _yaml.parse_yaml(part, "dvc.lock"))
        data["stages"]["prepare@demo"]["cmd"] += " "
        ours.text_of(data, _yaml._dump)

    times = [(clocked(plainly), clocked(by_entry)) for _ in range(ROUNDS + 1)][1:]
    return statistics.median(one for one, _ in times), statistics.median(two for _, two in times)


def main() -> None:
    """Print both."""
    print("| | before, s | now, s | before / now |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        rows = {"a stage that imports and ends": stages(Path(folder)), "one entry of dvc.lock": lock()}
    for name, (before, now) in rows.items():
        print(f"| {name} | {before:.3f} | {now:.3f} | {before / now:.0f} |")


if __name__ == "__main__":
    main()
