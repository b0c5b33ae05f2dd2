"""Face tracking against decoding and against a detection on every frame, as ratios within one run.

    python -m benchmarks.tracking [FOLDER]     clips of two sizes (by default the development clips beside the project)

Printed per picture size: frames a second of decoding to RGB alone; of a dlib HOG detection on every decoded frame; of the
project's tracker with the settings of params.yaml, from file to the written 100x100 crops (both jobs, clip cache and
compression included); how far its boxes are from the detections; and how far its eyes move on a still picture.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

import stages  # noqa: F401  its numeric settings have to be in force before numeric libraries
from benchmarks.bench import params
from pipeline.core.clip import Clip
from pipeline.core.clipcache import ClipCache, cache_key
from pipeline.core.store import ClipFeatures, FeatureFile
from pipeline.core.store_writer import feature_file, write_clip
from pipeline.faces.detectors import dlib_hog
from pipeline.faces.geometry import iou
from pipeline.faces.tracker import TrackParams, track
from pipeline.jobs.crop import CropJob, crop_params
from pipeline.jobs.track import TrackJob
from pipeline.media import read_frames

ROUNDS = 3
STILL_FRAMES = 50


def main(folder: Path) -> None:
    """Print a table row per picture size."""
    sizes: dict[str, list[Path]] = defaultdict(list)
    for path in sorted([*folder.rglob("*.flv"), *folder.rglob("*.mp4")]):
        if path.parent.name in ("cremad", "ravdess"):
            height, width, _ = next(read_frames(path))[1].shape
            sizes[f"{width}x{height}"].append(path)
    print("| size | frames | tracking / decoding to RGB | tracking / detecting in every frame | IoU mean | IoU >= 0.7 | jitter, px |\n|---|---|---|---|---|---|---|")
    for size, paths in sizes.items():
        print(_row(size, paths), flush=True)


def _row(size: str, paths: list[Path]) -> str:
    count = sum(1 for path in paths for _ in read_frames(path))
    detect = dlib_hog.Detector(dlib_hog.Params())
    found = [[detect(rgb) for _, rgb in read_frames(path)] for path in paths]
    decoding = _best(lambda: [None for path in paths for _ in read_frames(path)])
    detecting = _best(lambda: [detect(rgb) for path in paths for _, rgb in read_frames(path)], rounds=1)
    with tempfile.TemporaryDirectory() as name:
        tracking = _best(lambda: _tracked(paths, Path(name)))
        overlaps = np.array([overlap for path, faces in zip(paths, found, strict=True) for overlap in _overlaps(path, faces, Path(name))])
    ratios = f"{decoding / tracking:.2f} | {detecting / tracking:.1f} | {overlaps.mean():.3f} | {(overlaps >= 0.7).mean():.1%}"
    return f"| {size} | {count} | {ratios} | {_jitter(paths[0], detect):.2f} |"


def _best(way: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least seconds of some rounds."""
    times = []
    for _ in range(rounds):
        begin = time.perf_counter()
        way()
        times.append(time.perf_counter() - begin)
    return min(times)


def _tracked(paths: list[Path], out: Path) -> None:
    """Track and crop the clips as the stages do, one after the other, in this process, with an empty clip cache."""
    block = dict(params()["track_faces"])
    own = block.pop("detector_settings", {})
    with tempfile.TemporaryDirectory() as name:
        cache = ClipCache(Path(name))
        for path in paths:
            clip = Clip("c", path.name, "s", "neutral", digest="0")
            track_job = TrackJob(path.parent, TrackParams.model_validate(block).model_dump(), own)
            faces = out / f"{path.stem}.h5"
            with feature_file(faces, track_job.meta()) as file:
                write_clip(file.new("c"), track_job.compute(clip, None, []), track_job.meta())
            crop_job = CropJob("square100", path.parent, faces, *crop_params(params()["crop_faces"]["square100"], "crop_faces.square100"))
            key = cache_key(**crop_job.parts(clip))
            cache.put(key, crop_job.compute(clip, crop_job.load(clip), []), [], crop_job.stage, crop_job.meta())


def _overlaps(path: Path, found: list, out: Path) -> list[float]:
    """Return the overlap of the tracked box with the surest detection, for every frame that has one."""
    with FeatureFile(out / f"{path.stem}.h5") as file:
        faces: ClipFeatures = file.read("c")
    boxes = np.where(faces.mask[:, None], faces.values, 0.0)
    return [iou(tuple(box), some[0].box) for box, some in zip(boxes.tolist(), found, strict=True) if some]


def _jitter(path: Path, detect: dlib_hog.Detector) -> float:
    """Return the mean step of the eyes from frame to frame, px, on one frame shown again and again with a little noise."""
    _, rgb = next(read_frames(path))
    rng = np.random.default_rng(0)
    noisy = (np.clip(rgb + rng.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8) for _ in range(STILL_FRAMES))
    eyes = track(((0.04 * index, frame) for index, frame in enumerate(noisy)), detect, TrackParams(), []).extra["landmarks"]
    return float(np.linalg.norm(np.diff(eyes, axis=0), axis=-1).mean())


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"{folder}: no such folder; give one with clips in cremad/ and ravdess/")
    main(folder)
