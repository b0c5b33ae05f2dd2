"""One clip added to 500 against one clip alone, for every per-clip stage; run by `benchmarks.engine added`."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.bench import Bench, chosen

COUNT, ROUNDS = 500, 5


def main(*words: str) -> None:
    """Print the ratio of every stage, or of those with one of some words in their name."""
    stages = chosen(words)
    with tempfile.TemporaryDirectory() as name:
        alone, many = Bench(Path(name) / "alone", 0), Bench(Path(name) / "many", 0)
        alone.add(1)
        many.add(COUNT)
        first = {}
        for stage, command in stages.items():
            first[stage] = many.run(command)
            print(f"{stage}: {first[stage]:.0f} s for {COUNT} clips", file=sys.stderr, flush=True)
        found: dict[str, list[tuple[float, float, float]]] = {stage: [] for stage in stages}
        for _ in range(ROUNDS):
            many.add(1)
            alone.forget()
            for stage, command in stages.items():
                found[stage].append((many.run(command), alone.run(command), _copying(many.out(command))))
    cores = len(os.sched_getaffinity(0))
    print(
        f"| stage | one added to {COUNT} / one alone | bare copy of the file / one alone | clips per core and "
        "hour, at first |\n|---|---|---|---|"
    )
    for stage, times in found.items():
        one, alone_s, copying = (statistics.median(column) for column in zip(*times, strict=True))
        print(
            f"| {stage} | {one / alone_s:.2f} | {copying / alone_s:.2f} | {3600 * COUNT / cores / first[stage]:,.0f} |"
        )


def _copying(path: Path) -> float:
    """Return seconds that a copy of a file takes: no stage that writes it can take less."""
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        begin = time.perf_counter()
        shutil.copyfile(path, Path(name) / path.name)
        return time.perf_counter() - begin
