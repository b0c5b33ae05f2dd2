"""Run every benchmark on the artifacts of `make repro`: `python -m benchmarks`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DEMO = Path("features") / "demo"
RUNS = (
    *(("benchmarks.engine", way) for way in ("nothing", "overhead", "workers", "many", "memory", "added")),
    ("benchmarks.stage_start",),
    ("benchmarks.disk", "42"),
    ("benchmarks.extraction", "speed"),
    ("benchmarks.extraction", "memory"),
    ("benchmarks.report_page",),
    ("benchmarks.training",),
    ("benchmarks.phones",),
    ("benchmarks.selection", "memory"),
    ("benchmarks.selection", "agreement", str(DEMO / "pool5.h5"), str(DEMO / "manifest.csv"), str(DEMO / "splits.csv")),
)

if __name__ == "__main__":
    if not (DEMO / "pool5.h5").is_file():
        sys.exit("the benchmarks read the demo's features; run `make repro` first")
    for module, *arguments in RUNS:
        print(f"\n## python -m {module} {' '.join(arguments)}\n", flush=True)
        subprocess.run([sys.executable, "-m", module, *arguments], check=True)
