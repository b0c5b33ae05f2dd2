"""A small folder of features, models and reports, written with the project's own writers."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from helpers.media import write_media
from pipeline.core.clip import Clip, write_manifest
from pipeline.core.ledger import Entry, write_ledger
from pipeline.core.posteriors import table, write_table
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.core.store_writer import write_features

EMOTIONS = ("anger", "happy")
FRAMES = 30
HIDDEN = slice(10, 20)
"""Frames of each clip that were not observed."""


def clips(count: int = 8) -> list[Clip]:
    """Return clips of four speakers and two emotions."""
    return [
        Clip(f"c{n:02d}", f"c{n:02d}.mkv", f"s{n % 4}", EMOTIONS[n // 4 % 2], digest=f"{n:064d}") for n in range(count)
    ]


def values_of(
    number: int, columns: int = 3, dtype: str = "float32", hidden: slice = HIDDEN, frames: int = FRAMES
) -> ClipFeatures:
    """Return a clip of noise around its number; what is hidden is NaN."""
    values = np.random.default_rng(number).normal(number, 1, (frames, columns)).astype(dtype)
    mask = np.ones(frames, bool)
    mask[hidden] = False
    values[~mask] = np.nan
    return ClipFeatures(values, 0.04 * np.arange(frames), mask)


def write_corpus(root: Path, count: int = 8) -> Path:
    """Write features/toy with a plain file, one per fold, one of several layers, crops and tables; return it."""
    shutil.copytree(_corpus(count), root, dirs_exist_ok=True)
    return root / "features" / "toy"


@cache
def _corpus(count: int) -> Path:
    """Return the root of what `write_corpus` copies."""
    root = Path(tempfile.mkdtemp(prefix="inspecting-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = root / "features" / "toy"
    folder.mkdir(parents=True)
    names = [clip.clip_id for clip in clips(count)]
    write_manifest(folder / "manifest.csv", clips(count))
    write_features(folder / "lld.h5",
        FeatureMeta("lld", 3, "float32", 25.0, ("level [dB]", "pitch [Hz]", "jitter"), version="v1", params={"n": 3}),
                   [(name, values_of(n)) for n, name in enumerate(names)])  # fmt: skip
    parts = {
        f"fold-{f:02d}/{name}": ("train", "val", "test")[(f + n) % 3] for f in range(2) for n, name in enumerate(names)
    }
    learned = [(key, values_of(n, 4)) for n, key in enumerate(sorted(parts))]
    write_features(folder / "v4.h5", FeatureMeta("v4", 4, "float32", layer="4 of 9 columns"), learned, parts)
    layers = (("low", (2, 3)), ("high", (4,)))
    write_features(folder / "deep.h5",
        FeatureMeta("deep", 10, "float16", layers=layers, weights="ab" * 32, origin="trained here"),
                   [(name, values_of(n, 10, "float16")) for n, name in enumerate(names)])  # fmt: skip
    write_ledger(
        folder / "lld.ledger.csv", [Entry(name, stage) for name in names for stage in ("prepare", "extract:lld")]
    )
    write_report(root / "reports" / "toy" / "system", count)
    return root


def write_crops(folder: Path, name: str = "square100.h5", count: int = 8) -> None:
    """Write red crops, 20 px, for each clip."""

    def crops(number: int) -> ClipFeatures:
        clip = values_of(number, 4)
        return ClipFeatures(
            clip.values, clip.times, clip.mask, {"crops": np.full((FRAMES, 20, 20, 3), (200, 0, 0), np.uint8)}
        )

    write_features(
        folder / name,
        FeatureMeta("crops", 4, "float32"),
        [(clip.clip_id, crops(n)) for n, clip in enumerate(clips(count))],
    )


def write_toy_media(folder: Path) -> Path:
    """Write the media of c00: 30 frames and a sound, loud in its second half."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = (0.5 * np.sin(0.3 * np.arange(19200)) * (np.arange(19200) > 9600)).astype(np.float32)
    return write_media(folder / "c00.mkv", range(0, 1200, 40), sound)


def write_report(folder: Path, count: int = 8) -> Path:
    """Write predictions of two models: one is always right, the other always says anger."""
    folder.mkdir(parents=True)
    found = clips(count)
    truth = np.array([[clip.emotion == name for name in EMOTIONS] for clip in found], float)
    import pandas as pd

    right = table("good-svm", "fold-00", "test", found, 0.2 + 0.6 * truth, EMOTIONS)
    anger = table("bad-svm", "fold-00", "test", found, np.tile([0.9, 0.1], (count, 1)), EMOTIONS)
    write_table(folder / "predictions.csv", pd.concat([right, anger]).drop(columns="part"))
    return folder / "predictions.csv"


def picture(path: Path) -> np.ndarray:
    """Return a PNG, (H, W, 3) uint8 RGB; it is one, and not blank."""
    found = cv2.imread(str(path))
    assert found is not None, path
    assert found.std() > 5
    return found[..., ::-1]


def changed(
    path: Path,
    to: Path,
    change: Callable[[str, ClipFeatures], ClipFeatures | None],
    meta: dict[str, object] | None = None,
) -> Path:
    """Write a feature file again, with each clip as `change` has it; None leaves it out."""
    import dataclasses

    from pipeline.core.store import FeatureFile

    with FeatureFile(path) as file:
        keys: Iterable[str] = sorted(f"{fold}/{name}" for fold in file.folds for name in file.clip_ids(fold)) or sorted(
            file.clip_ids()
        )
        found = [(key, change(key, file.part_of(key, slice(None)))) for key in keys]
        write_features(
            to, dataclasses.replace(file.meta, **(meta or {})), [(key, clip) for key, clip in found if clip is not None]
        )
    return to
