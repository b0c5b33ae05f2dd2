"""Encoders of a model hub on sound, against the bare forward pass of the same model, and the memory of both.

    python -m benchmarks.encoders speed
    python -m benchmarks.encoders whisper
    python -m benchmarks.encoders stage
    python -m benchmarks.encoders memory

A WavLM of base size with six blocks, for which the extra `hub` is needed, or Whisper tiny; random weights, which
speed does not depend on. Bare = the class's own forward pass on the ready samples of a whole clip, one thread; of
Whisper on a ready spectrogram of 30 s at most, as many as it takes. Pipeline = what the stage does for a clip:
opening and decoding a WAV file, windows, forward pass, rows with times, one after another: a stage with one worker
reads the next clip in a thread beside that, which seconds of work would not show. Clips are dealt to both in turn, and
a ratio is that of the medians; seconds are those that the process has worked, since other work may run on the same
cores.
`stage`: Whisper tiny by the engine with one worker, which reads the next clip beside the forward pass, clip cache and
feature file included, against its forward passes before and after it, in turn; seconds of a clock, so for an idle
machine; the median of the turns, and its quartiles.
`memory`: peak of anonymous memory (RssAnon) of a process that extracts one clip.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from benchmarks.measure import clocked, peak_of
from pipeline.audio.whisper_mel import whisper_mel
from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry
from pipeline.core.settings import Runtime
from pipeline.core.weights_file import save_published, save_weights
from pipeline.engine import run as engine
from pipeline.features.extract_job import ExtractJob
from pipeline.networks.hub_files import transformers
from pipeline.networks.whisper_encoder import WhisperEncoder

SHAPE = {"num_hidden_layers": 6}
CLIPS = ((3.7, 16000, 41), (3.7, 48000, 41), (60, 48000, 9))
"""Seconds, Hz of the file, and how often both are measured."""
STAGES = ((3.7, 16000, 15), (3.7, 48000, 15), (60, 48000, 2))
"""Seconds, Hz of the files, and how many clips a stage has."""
TURNS = 16
"""How often a stage and the bare forward passes before and after it are measured: a machine's speed drifts."""
TINY = {"bands": 80, "width": 384, "layers": 4, "heads": 6, "positions": 1500}
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


def clip(folder: Path, seconds: float, rate: int = 48000) -> Clip:
    """Write noise as a WAV file."""
    name = f"{seconds:g}-{rate}.wav"
    samples = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate))
    soundfile.write(folder / name, samples, rate, subtype="PCM_16")
    return Clip(name, name, "s", "anger", digest="0")


def extracted(job: ExtractJob, one: Clip) -> int:
    """Return how many rows one clip has, all of which are made."""
    return sum(len(rows.values) for rows in job.compute(one, job.load(one), []))


def _took(work: Callable[[], Any]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def speed(folder: Path) -> None:
    """Print frames a second of both, for an encoder of a hub."""
    torch.set_num_threads(1)
    job = ExtractJob.of("wavlm", BLOCK, "extract_sound.wavlm", folder, encoder(folder))
    model = transformers().WavLMModel.from_pretrained(folder / "wavlm", local_files_only=True).eval()
    _table(job, folder, lambda samples: partial(model, torch.from_numpy(samples)[None]))


def whisper(folder: Path) -> None:
    """The same for Whisper tiny out of a package; bare on a ready spectrogram. Needs no extra."""
    torch.set_num_threads(1)
    network = WhisperEncoder(**TINY).eval()
    save_weights(folder / "whisper", network.state_dict(), {"network": TINY, "speakers": []}, "for a benchmark")
    job = ExtractJob.of("whisper", {}, "extract_sound.whisper", folder, folder / "whisper")
    _table(job, folder, lambda samples: partial(network.features, torch.from_numpy(whisper_mel(samples))))


def stage(folder: Path) -> None:
    """Print frames a second of a clock for a stage, and for the bare forward passes of its clips."""
    torch.set_num_threads(1)
    network = WhisperEncoder(**TINY).eval()
    save_weights(folder / "whisper", network.state_dict(), {"network": TINY, "speakers": []}, "for a benchmark")
    job = ExtractJob.of("whisper", {}, "extract_sound.whisper", folder, folder / "whisper")
    print("| clips | rate of the files | bare, ms a clip | stage, ms a clip | bare / stage |\n|---|---|---|---|---|")
    for seconds, rate, count in STAGES:
        one = clip(folder, seconds, rate)
        samples = np.concatenate(list(job.load(one)[0].blocks()))
        parts = [torch.from_numpy(whisper_mel(part)) for part in np.array_split(samples, math.ceil(seconds / 30))]

        def bare(parts: list[torch.Tensor] = parts, count: int = count) -> None:
            with torch.inference_mode():
                for part in parts * count:
                    network.features(part)

        def whole(turn: int, one: Clip = one, count: int = count) -> None:
            name = f"{one.clip_id}-{turn}"
            clips = [replace(one, clip_id=f"c{n:03d}", digest=f"{name}-{n}") for n in range(count)]
            runtime = Runtime(workers=1, clip_cache=str(folder / "cache"))
            before = [Entry(each.clip_id, "prepare") for each in clips]
            engine.run(job, clips, before, job.meta(), folder / f"{name}.h5", folder / f"{name}.csv", runtime)

        whole(0)  # what is imported and looked up once
        turns = [[clocked(work) for work in (bare, partial(whole, turn), bare)] for turn in range(1, TURNS + 1)]
        ratios = [(first + last) / 2 / stage for first, stage, last in turns]
        low, middle, high = statistics.quantiles(ratios, n=4)
        bare_s, stage_s = (statistics.median(turn[n] for turn in turns) / count for n in (0, 1))
        words = f"| {count} of {seconds:g} s | {rate} | {1000 * bare_s:.0f} | {1000 * stage_s:.0f} "
        print(f"{words}| {middle:.2f} ({low:.2f} to {high:.2f}) |", flush=True)


def _table(job: ExtractJob, folder: Path, bare_of: Callable[[np.ndarray], Callable[[], Any]]) -> None:
    print("| clip | rate of the file | frames | bare, a second | pipeline, a second | pipeline / bare |")
    print("|---|---|---|---|---|---|")
    for seconds, rate, rounds in CLIPS:
        one = clip(folder, seconds, rate)
        samples = np.concatenate(list(job.load(one)[0].blocks()))
        if job.feature == "whisper":
            samples = samples[: 30 * 16000]
        frames, bare = extracted(job, one), bare_of(samples)
        with torch.inference_mode():
            bare()  # warm
            pairs = [(_took(bare), _took(partial(extracted, job, one))) for _ in range(rounds)]
        bare_s, whole_s = (statistics.median(times) for times in zip(*pairs, strict=True))
        own = frames * min(1, len(samples) / (seconds * 16000)) / bare_s
        words = f"| {seconds:g} s | {rate} | {frames} | {own:.0f} | {frames / whole_s:.0f}"
        print(f"{words} | {frames / whole_s / own:.2f} |", flush=True)


def _work(folder: Path, seconds: float) -> Callable[[], Any]:
    torch.set_num_threads(1)
    job = ExtractJob.of("wavlm", BLOCK, "extract_sound.wavlm", folder, folder / "wavlm")
    return lambda: extracted(job, clip(folder, seconds))


def memory(folder: Path) -> None:
    """Print the peak of memory for short and long clips."""
    encoder(folder)
    print("| clip | peak, MB |\n|---|---|")
    for seconds in (4, 60, 120):
        print(f"| {seconds} s | {peak_of(_work, folder, seconds):.0f} |", flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as where:
        {"speed": speed, "whisper": whisper, "stage": stage, "memory": memory}[sys.argv[1]](Path(where))
