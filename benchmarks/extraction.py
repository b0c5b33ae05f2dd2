"""Extraction of fc7 at real size against the bare forward pass, and its memory.

    python -m benchmarks.extraction speed
    python -m benchmarks.extraction memory

`speed`: AlexNet and C3D at full width (random weights: speed does not depend on them), batches of the windows of one
    clip
as in the pipeline. Bare = the network on ready batches in memory. Pipeline = the `segments` stage's own job in one
process: reading the source HDF5, cutting, resizing, forward pass, clip cache, packing the result. Decoding and
    cropping,
which a stage before does once, are timed beside it on as many frames and counted in the last column.
`memory`: peak of anonymous memory of the process (RssAnon) for a number of clips and for eight times as many.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry
from pipeline.core.settings import Runtime
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import save_weights
from pipeline.engine import run as engine
from pipeline.faces.cropping.job import CropJob
from pipeline.faces.cropping.kinds.eyes import Params as EyesParams
from pipeline.features.segments.finetune import Tuning
from pipeline.features.segments.job import Model, SegmentJob, batches
from pipeline.features.segments.run import Paths, tuned
from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D
from pipeline.synthetic.mp4 import write_mp4
from pipeline.training.task import LoopParams

WINDOWS = {"length": 64, "shift": 30}
EMOTIONS = ("anger", "happy")


def _clips(count: int) -> list[Clip]:
    return [
        Clip(f"c{i:03d}", f"c{i:03d}.mp4", f"s{i % 4}", EMOTIONS[i // 4 % 2], digest=f"{i:064x}") for i in range(count)
    ]


def _sound(number: int, seconds: float) -> ClipFeatures:
    frames = round(seconds * 100)
    values = np.random.default_rng(number).normal(-9, 4, (frames, 64)).astype(np.float32)
    return ClipFeatures(values, np.arange(frames) / 100, np.ones(frames, bool))


def _faces(number: int, seconds: float) -> ClipFeatures:
    frames = round(seconds * 25)
    crops = np.random.default_rng(number).integers(0, 256, (frames, 150, 110, 3), np.uint8)
    return ClipFeatures(
        np.ones((frames, 4), np.float32), np.arange(frames) / 25, np.ones(frames, bool), {"crops": crops}
    )


def _prepare(folder: Path, kind: str, count: int, seconds: float, width: float) -> tuple[list[Clip], Path, Model]:
    """Write a source feature file and weights; return (clips, source, model)."""
    clips, source = _clips(count), folder / "source.h5"
    make: Callable[[int, float], ClipFeatures] = _sound if kind == "alexnet" else _faces
    params = {"bands": 64, "window_ms": 25.0, "hop_ms": 10.0} if kind == "alexnet" else {}
    meta = FeatureMeta("source", 64 if kind == "alexnet" else 4, "float32", params=params)
    write_features(source, meta, ((clip.clip_id, make(i, seconds)) for i, clip in enumerate(clips)))
    network = {"width": width, "classes": None}
    module = AlexNet(**network) if kind == "alexnet" else C3D(**network)
    save_weights(
        folder / "weights", module.state_dict(), {"network": network, "speakers": []}, "RANDOM weights, for a benchmark"
    )
    return clips, source, Model.of(kind, {"windows": WINDOWS}, folder / "weights", "benchmark")


def _bare(model: Model, source: Path) -> tuple[float, int]:
    """Return (seconds of the network alone, windows)."""
    network, ready = model.network(), []
    with FeatureFile(source) as file:
        for clip_id in file.clip_ids():
            ready += batches(model, model.segments()(file.read(clip_id)))
    with torch.inference_mode():
        network.features(ready[0])  # type: ignore[operator]
        begin = time.perf_counter()
        for batch in ready:
            network.features(batch)  # type: ignore[operator]
        return time.perf_counter() - begin, sum(len(batch) for batch in ready)


def _crop(folder: Path, clips: list[Clip], seconds: float) -> float:
    """Return seconds of decoding 640 x 480 films, cutting and writing the crops."""
    frames = round(seconds * 25)
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (480, 640, 3), np.uint8)
    eyes = np.tile(np.array([[280, 200], [360, 200]], np.float32), (frames, 1, 1))
    tracked = ClipFeatures(
        np.ones((frames, 4), np.float32), np.arange(frames) / 25, np.ones(frames, bool), {"landmarks": eyes}
    )
    write_features(folder / "faces.h5", FeatureMeta("faces", 4, "float32"), ((clip.clip_id, tracked) for clip in clips))
    for clip in clips:
        write_mp4(folder / clip.path, np.stack([np.roll(picture, i, 1) for i in range(frames)]), None)
    job = CropJob("crops", folder, folder / "faces.h5", "eyes", EyesParams().model_dump())
    begin = time.perf_counter()
    engine.run(job, clips, _ledger(clips), job.meta(), folder / "crops.h5", folder / "crops.csv", _runtime(folder))
    return time.perf_counter() - begin


def _ledger(clips: list[Clip]) -> list[Entry]:
    return [Entry(clip.clip_id, "prepare") for clip in clips]


def _runtime(folder: Path) -> Runtime:
    return Runtime(workers=1, clip_cache=str(folder / "cache" / "clips"))


def _extract(folder: Path, clips: list[Clip], source: Path, model: Model) -> float:
    job = SegmentJob("fc7", model, source)
    begin = time.perf_counter()
    engine.run(job, clips, _ledger(clips), job.meta(), folder / "fc7.h5", folder / "fc7.csv", _runtime(folder))
    return time.perf_counter() - begin


def speed() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    print("| network | windows | bare / pipeline | bare / (decoding + cropping + pipeline) |\n|---|---|---|---|")
    for kind, count, seconds in (("alexnet", 48, 10.0), ("c3d", 8, 3.0)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            clips, source, model = _prepare(folder, kind, count, seconds, 1.0)
            before, windows = _bare(model, source)
            pipeline = _extract(folder, clips, source, model)
            bare = (before + _bare(model, source)[0]) / 2  # before and after: the machine's speed drifts
            crop = f"{bare / (pipeline + _crop(folder, clips, seconds)):.2f}" if kind == "c3d" else "-"
            print(f"| {kind} | {windows} | {bare / pipeline:.2f} | {crop} |", flush=True)


def _peak(work: Callable[[], Any]) -> float:
    """Return the most anonymous memory that this process had while it worked, MB."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            status = Path(f"/proc/{os.getpid()}/status").read_text(encoding="ascii")
            peak[0] = max(peak[0], int(status.split("RssAnon:")[1].split()[0]))

    thread = threading.Thread(target=watch)
    thread.start()
    work()
    done.set()
    thread.join()
    return peak[0] / 1024


def _measure(way: str, kind: str, count: int, queue: Any) -> None:
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clips, source, model = _prepare(folder, kind, count, 4.0, 1 / 16)
        if way == "original":
            queue.put(_peak(lambda: _extract(folder, clips, source, model)))
            return
        parts = {f"s{i}": part for i, part in enumerate(("train", "train", "val", "test"))}
        folds = {"fold-00": {clip.clip_id: parts[clip.speaker] for clip in clips}}
        loop = LoopParams(epochs=1, patience=1, batch=30, optimiser="sgd", learning_rate=0.001, threads=1, seed=0)
        paths = Paths(folder / "out.h5", folder / "kept", folder / "ledger.csv", folder / "scratch", source)
        queue.put(
            _peak(lambda: tuned("fc7", model, Tuning(loop), clips, _ledger(clips), folds, paths, _runtime(folder)))
        )


def memory() -> None:
    """Print the peaks."""
    print("| way | network | 16 clips | 128 clips |\n|---|---|---|---|")
    spawn = multiprocessing.get_context("spawn")
    for way in ("original", "fine-tuned"):
        for kind in ("alexnet", "c3d"):
            found = []
            for count in (16, 128):
                queue = spawn.Queue()
                process = spawn.Process(target=_measure, args=(way, kind, count, queue))
                process.start()
                found.append(queue.get())
                process.join()
            print(f"| {way} | {kind} | {found[0]:.0f} MB | {found[1]:.0f} MB |", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] not in (["speed"], ["memory"]):
        sys.exit(__doc__)
    {"speed": speed, "memory": memory}[sys.argv[1]]()
