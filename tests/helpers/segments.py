"""A toy corpus of segments: sound and faces that tell the emotion, tiny networks with weights, features in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from pipeline.core.clip import Clip
from pipeline.core.ledger import Entry
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features
from pipeline.core.weights_file import save_weights
from pipeline.features.segments.job import Model
from pipeline.features.segments.run import Paths
from pipeline.networks.alexnet import AlexNet
from pipeline.networks.c3d import C3D
from pipeline.training.task import LoopParams

EMOTIONS = ("anger", "happy")
SPEAKERS = ("s1", "s2", "s3")
LOGMEL = FeatureMeta("logmel", 16, "float32", 100.0, params={"bands": 16, "window_ms": 25.0, "hop_ms": 10.0})
WINDOWS = {"length": 16, "shift": 8}
LOOP = LoopParams(epochs=2, patience=2, batch=8, optimiser="sgd", learning_rate=0.01, threads=1, seed=0)


def clips(takes: int = 2) -> list[Clip]:
    """Return clips, sorted by id."""
    return [
        Clip(
            f"{speaker}_{emotion}_{take}",
            f"{speaker}_{emotion}_{take}.mp4",
            speaker,
            emotion,
            digest=f"{speaker}{emotion}{take}",
        )
        for speaker in SPEAKERS
        for emotion in EMOTIONS
        for take in range(takes)
    ]


def folds() -> dict[str, dict[str, str]]:
    """Return three folds; each speaker is tested once."""
    parts = ("train", "val", "test")
    found = {}
    for number in range(3):
        by_speaker = {speaker: parts[(number + index) % 3] for index, speaker in enumerate(SPEAKERS)}
        found[f"fold-{number:02d}"] = {clip.clip_id: by_speaker[clip.speaker] for clip in clips()}
    return found


def ledger() -> list[Entry]:
    """Return what `prepare` says."""
    return [Entry(clip.clip_id, "prepare") for clip in clips()]


def mel(number: int, emotion: str, frames: int = 40) -> ClipFeatures:
    """Return a log mel spectrogram; one half of the bands is louder with one emotion."""
    rng = np.random.default_rng(number)
    values = rng.normal(-9, 1, (frames, 16)).astype(np.float32)
    values[:, :8] += 8 * (emotion == "anger")
    return ClipFeatures(values, np.arange(frames) / 100 + 0.0125, np.ones(frames, bool))


def crops(number: int, emotion: str, frames: int = 12, hidden: tuple[int, ...] = ()) -> ClipFeatures:
    """Return face crops at 25 Hz; brighter with one emotion; `hidden` frames have no face."""
    rng = np.random.default_rng(1000 + number)
    pictures = rng.integers(0, 120, (frames, 30, 22, 3)).astype(np.uint8) + np.uint8(120 * (emotion == "anger"))
    mask = ~np.isin(np.arange(frames), hidden)
    pictures[~mask] = 0
    eyes = np.where(mask[:, None], np.float32(10.0), np.float32(np.nan)) * np.ones((frames, 4), np.float32)
    return ClipFeatures(eyes, np.arange(frames) / 25, mask, {"crops": pictures})


def write_sources(folder: Path) -> None:
    """Write logmel.h5 and eyes55.h5."""
    write_features(folder / "logmel.h5", LOGMEL, [(c.clip_id, mel(i, c.emotion)) for i, c in enumerate(clips())])
    write_features(
        folder / "eyes55.h5",
        FeatureMeta("eyes55", 4, "float32"),
        [(c.clip_id, crops(i, c.emotion)) for i, c in enumerate(clips())],
    )


def write_weights(folder: Path) -> None:
    """Write random weights of tiny networks to `folder`/alexnet and `folder`/c3d."""
    torch.manual_seed(0)
    save_weights(
        folder / "alexnet",
        AlexNet(1 / 64, 3).state_dict(),
        {"network": {"width": 1 / 64, "classes": 3}, "speakers": ["f01"]},
        "toy weights",
    )
    network = {"width": 1 / 64, "classes": 3, "size": 16, "fc6": "adaptive"}
    save_weights(folder / "c3d", C3D(**network).state_dict(), {"network": network, "speakers": ["f01"]}, "toy weights")


def model(kind: str, weights: Path, **windows: int) -> Model:
    """Return the model `alexnet` or `c3d`."""
    settings = {
        "windows": {**WINDOWS, **windows},
        **({"bands": 16} if kind == "alexnet" else {"size": 16, "fc6": "adaptive"}),
    }
    return Model.of(kind, settings, weights / kind, "segments_audio.toy")


def paths(folder: Path, name: str, source: str) -> Paths:
    """Return where a feature of the toy corpus lies."""
    return Paths(
        folder / f"{name}.h5",
        folder / "kept" / name,
        folder / f"{name}.ledger.csv",
        folder / "scratch" / name,
        folder / f"{source}.h5",
    )
