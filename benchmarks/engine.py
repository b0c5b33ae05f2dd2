"""The engine's own cost, as ratios within one run.

python -m benchmarks.engine overhead      the engine with eGeMAPS against a bare loop over openSMILE, same files
python -m benchmarks.engine workers       two workers against one
python -m benchmarks.engine many          cost per clip at 100, 1,000 and 10,000 small clips
python -m benchmarks.engine memory [WORD...]
                                          peak memory for a clip of 1 minute and of 30, per stage, or of those
                                          with a word in their name (after `make repro`)
python -m benchmarks.engine added [WORD...]
                                          one clip added to 500 against one clip alone, likewise
python -m benchmarks.engine nothing       a `dvc repro` with nothing to do against `dvc status` (after `make repro`)
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import opensmile
import soundfile

from pipeline.core.clip import Clip
from pipeline.core.files import file_digest
from pipeline.core.ledger import Entry
from pipeline.core.settings import Runtime
from pipeline.engine import run as engine
from pipeline.features.extract_job import ExtractJob, extractor_params

HZ = 16_000


def speech(number: int, seconds: float) -> np.ndarray:
    """Return a voice-like sound: a pulse train whose pitch and loudness wander, in noise; (N,) float32."""
    random = np.random.default_rng(number)
    time_s = np.arange(round(seconds * HZ)) / HZ
    pitch = 120 + 60 * random.random() + 30 * np.sin(2 * np.pi * 0.7 * time_s)
    pulses = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / HZ)) * (np.sin(2 * np.pi * 1.5 * time_s) > -0.5)
    return (0.3 * pulses + 0.02 * random.normal(size=len(time_s))).astype(np.float32)


def corpus(folder: Path, count: int, seconds: float) -> list[Clip]:
    """Write WAV files and return their clips."""
    clips = []
    for number in range(count):
        path = folder / f"c{number:05d}.wav"
        soundfile.write(path, speech(number, seconds), HZ, subtype="PCM_16")
        clips.append(Clip(path.stem, path.name, f"s{number % 10}", "anger", digest=file_digest(path)))
    return clips


def extracted(feature: str, folder: Path, clips: Sequence[Clip], workers: int = 1) -> float:
    """Return seconds of the engine with an empty cache."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        job = ExtractJob(feature, extractor_params(feature, {}, "benchmark"), folder)
        runtime = Runtime(workers=workers, clip_cache=str(out / "cache"))
        upstream = [Entry(clip.clip_id, "prepare") for clip in clips]
        begin = time.perf_counter()
        engine.run(job, clips, upstream, job.meta(), out / "x.h5", out / "x.csv", runtime)
        return time.perf_counter() - begin


def in_turn(ways: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each way, measured in turn, since the machine's speed drifts."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            found[name].append(way())
    return {name: statistics.median(seconds) for name, seconds in found.items()}


def overhead() -> None:
    """Print engine / bare loop."""
    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = corpus(folder, 60, 3.0)

        def bare() -> float:
            begin = time.perf_counter()
            for clip in clips:
                smile.process_file(folder / clip.path)
            return time.perf_counter() - begin

        found = in_turn({"bare": bare, "engine": lambda: extracted("egemaps", folder, clips)}, 5)
    print(
        f"eGeMAPS, {len(clips)} files of 3 s, one worker: engine / bare loop over openSMILE = "
        f"{found['engine'] / found['bare']:.2f}"
    )


def workers() -> None:
    """Print one worker / two workers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = corpus(folder, 300, 6.0)
        found = in_turn(
            {
                "one": lambda: extracted("lld147", folder, clips, 1),
                "two": lambda: extracted("lld147", folder, clips, 2),
            },
            3,
        )
    print(f"lld147, {len(clips)} files of 6 s: one worker / two workers = {found['one'] / found['two']:.2f}")


def many() -> None:
    """Print the cost per clip for growing corpora."""
    costs = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips = corpus(folder, 10_000, 0.3)
        extracted("mfcc39", folder, clips[:100])  # compiles, and fills the caches of libraries
        for count in (100, 1_000, 10_000, 1_000, 100):
            seconds = min(extracted("mfcc39", folder, clips[:count]) for _ in range(3 if count == 100 else 1))
            costs.setdefault(count, []).append(seconds / count)
    print("| clips | cost per clip / cost per clip at 1,000 |\n|---|---|")
    for count, found in sorted(costs.items()):
        print(f"| {count:,} | {statistics.mean(found) / statistics.mean(costs[1_000]):.2f} |")


def nothing() -> None:
    """Print dvc repro / dvc status where nothing is out of date."""
    ways = {word: (lambda word=word: _seconds(["dvc", word])) for word in ("status", "repro")}
    found = in_turn(ways, 3)
    print(f"nothing to do: dvc repro / dvc status = {found['repro'] / found['status']:.2f}")


def _seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begin


def memory(*words: str) -> None:
    """See `benchmarks.memory`."""
    from benchmarks.memory import main

    main(*words)


def added(*words: str) -> None:
    """See `benchmarks.added`."""
    from benchmarks.added import main

    main(*words)


WAYS = {"overhead": overhead, "workers": workers, "many": many, "memory": memory, "added": added, "nothing": nothing}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in WAYS:
        sys.exit(__doc__)
    WAYS[sys.argv[1]](*sys.argv[2:])
