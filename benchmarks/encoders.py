"""Encoders of a model hub on sound, against the bare forward pass of the same model, and the memory of both.

    python -m benchmarks.encoders speed
    python -m benchmarks.encoders memory

A WavLM of base size with six blocks and random weights, which speed does not depend on; needs the extra `hub`. Bare =
the class's own forward pass on the ready samples of a whole clip, one thread. Pipeline = what the stage does for a
clip: opening and decoding a WAV file, windows, forward pass, rows with times. Clips are dealt to both in turn, and a
ratio is that of the medians; seconds are those that the process has worked, since other work may run on the same cores.
`memory`: peak of anonymous memory (RssAnon) of a process that extracts one clip.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

import stages  # noqa: F401  its numeric settings have to be in force before torch
from benchmarks.measure import peak_of
from pipeline.core.clip import Clip
from pipeline.core.weights_file import save_published
from pipeline.features.extract_job import ExtractJob
from pipeline.networks.hub_files import transformers

SHAPE = {"num_hidden_layers": 6}
ROUNDS = {4: 7, 60: 3}
BLOCK = {"extractor": "hub_audio"}


def encoder(folder: Path) -> Path:
    """Write the encoder as `fetch_weights` does."""
    package = transformers()
    torch.manual_seed(0)
    package.WavLMModel(package.WavLMConfig(**SHAPE)).save_pretrained(folder / "saved")
    told = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "sampling_rate": 16000, "do_normalize": False}
    (folder / "saved" / "preprocessor_config.json").write_text(json.dumps(told), encoding="utf-8")
    files = {path.stem: path for path in (folder / "saved").iterdir()}
    save_published(folder / "wavlm", files, ["wavlm"], "random weights, for a benchmark")
    return folder / "wavlm"


def clip(folder: Path, seconds: float) -> Clip:
    """Write noise as a WAV file of 48 kHz, as corpora have it."""
    name = f"{seconds:g}.wav"
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * 48000))
    soundfile.write(folder / name, samples, 48000, subtype="PCM_16")
    return Clip(name, name, "s", "anger", digest="0")


def extracted(job: ExtractJob, one: Clip) -> int:
    """Return how many rows one clip has, all of which are made."""
    return sum(len(rows.values) for rows in job.compute(one, job.load(one), []))


def _took(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def speed(folder: Path) -> None:
    """Print frames a second of both."""
    torch.set_num_threads(1)
    job = ExtractJob.of("wavlm", BLOCK, "extract_sound.wavlm", folder, encoder(folder))
    model = transformers().WavLMModel.from_pretrained(folder / "wavlm", local_files_only=True).eval()
    print(
        "| clip | frames | bare, frames a second | pipeline, frames a second | pipeline / bare |\n|---|---|---|---|---|"
    )
    for seconds, rounds in ROUNDS.items():
        one = clip(folder, seconds)
        samples = torch.randn(1, round(seconds * 16000))
        frames = extracted(job, one)  # warm
        with torch.inference_mode():
            model(samples)
            pairs = [(_took(lambda: model(samples)), _took(lambda: extracted(job, one))) for _ in range(rounds)]  # noqa: B023
        bare, whole = (frames / statistics.median(times) for times in zip(*pairs, strict=True))
        print(f"| {seconds:g} s | {frames} | {bare:.0f} | {whole:.0f} | {whole / bare:.2f} |", flush=True)


def _work(folder: Path, seconds: float) -> Callable[[], Any]:
    torch.set_num_threads(1)
    job = ExtractJob.of("wavlm", BLOCK, "extract_sound.wavlm", folder, folder / "wavlm")
    return lambda: extracted(job, clip(folder, seconds))


def memory(folder: Path) -> None:
    """Print the peak of memory for short and long clips."""
    encoder(folder)
    print("| clip | peak, MB |\n|---|---|")
    for seconds in (4, 60, 300):
        print(f"| {seconds} s | {peak_of(_work, folder, seconds):.0f} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        {"speed": speed, "memory": memory}[sys.argv[1]](Path(where))
