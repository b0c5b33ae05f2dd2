"""Memory of the source task on phones, per million frames: `python -m benchmarks.phones`.

A corpus of utterances of 10 s with ten phones a second, one process, one epoch. One sound stands for all: what it says
does not matter here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.measure import peak_of
from pipeline.pretraining.sources import phones
from pipeline.training.task import Run

SECONDS, PHONES = 10, 40
MINUTES = (70, 210)
LOOP = {"epochs": 1, "patience": 1, "batch": 1024, "learning_rate": 0.0005, "threads": 1, "seed": 0}


def corpus(root: Path, minutes: int) -> None:
    """Write a corpus of four speakers."""
    root.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(root / "sound.wav", 0.1 * rng.standard_normal(16_000 * SECONDS), 16_000)
    rows, lines = ["utterance,path,speaker"], []
    for number in range(minutes * 60 // SECONDS):
        name = f"s{number % 4}_{number:06}"
        rows.append(f"{name},sound.wav,s{number % 4}")
        drawn = rng.integers(PHONES, size=10 * SECONDS)
        lines += [f"{name} 1 {place / 10:.2f} 0.10 p{phone}" for place, phone in enumerate(drawn)]
    (root / "speakers.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (root / "phones.ctm").write_text("\n".join(lines) + "\n", encoding="utf-8")


def work(root: Path) -> Callable[[], object]:
    """Return the training on a corpus."""
    shape = {"context": 5, "hidden": 32, "last": 60, "bottleneck": True, "held_out_speakers": 1}
    params = phones.Params.model_validate({"mfcc": {}, **shape, "loop": LOOP})
    return lambda: phones.train(root, params, Run(checkpoint=root / "checkpoints" / "pretrain.pt"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print("| frames | anonymous memory |\n|---|---|")
        found = []
        for minutes in MINUTES:
            corpus(Path(name) / str(minutes), minutes)
            found.append(peak_of(work, Path(name) / str(minutes)))
            print(f"| {minutes * 6000:,} | {found[-1]:.0f} MB |", flush=True)
        frames = (MINUTES[-1] - MINUTES[0]) * 6000
        print(f"\nper million frames: {(found[-1] - found[0]) * 1e6 / frames:.0f} MB")
