"""Face tracking against decoding and against a detection on every frame, as ratios within one run.

    python -m benchmarks.tracking [FOLDER]      clips of two sizes (by default the development clips beside the project)
    python -m benchmarks.tracking long          a clip of 1 and of 10 minutes, 1280x720, made of the demo's

Printed per picture size: how many times as fast the tracker is as decoding to RGB alone, by PyAV's defaults and as this project
converts (the same on every processor), and as a dlib HOG detection on every frame; how far its boxes are from those
detections; and how far the eyes move on a still picture. The tracker works with the settings of params.yaml, from the
file to its entry in the clip cache and that of the 100x100 crops, with and without the predictor of the eyes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np

import stages  # noqa: F401  its numeric settings have to be in force before numeric libraries
from benchmarks.bench import params
from benchmarks.measure import peak_of
from pipeline.core.clip import Clip
from pipeline.core.clipcache import ClipCache, cache_key
from pipeline.core.store import ClipFeatures
from pipeline.faces.detectors import dlib_hog
from pipeline.faces.geometry import iou
from pipeline.faces.settings import TrackParams
from pipeline.faces.tracker import track
from pipeline.jobs.crop import CropJob, crop_params
from pipeline.jobs.track import TrackJob
from pipeline.media import read_frames
from pipeline.picture import DrawnPicture

ROUNDS = 15
STILL_FRAMES = 50
LANDMARKS = Path("models/pretrained/landmarks")
HEAD = "size | frames | eyes by | tracking / decoding to RGB | tracking / decoding to equal RGB | tracking / detecting in every frame | IoU mean | IoU >= 0.7 | jitter, px"


def main(folder: Path) -> None:
    """Print table rows per picture size."""
    sizes: dict[str, list[Path]] = defaultdict(list)
    for path in sorted([*folder.rglob("*.flv"), *folder.rglob("*.mp4")]):
        if path.parent.name in ("cremad", "ravdess"):
            height, width, _ = next(read_frames(path))[1].shape
            sizes[f"{width}x{height}"].append(path)
    print(f"| {HEAD} |\n|{'---|' * 9}")
    for size, paths in sizes.items():
        for eyes in ("dlib5", "detector"):
            print(_row(size, paths, eyes), flush=True)


def _row(size: str, paths: list[Path], eyes: str) -> str:
    detect = dlib_hog.Detector(dlib_hog.Params())
    found = [[detect(rgb) for _, rgb in read_frames(path)] for path in paths]
    ways: list[Callable[[], object]] = [
        lambda: [_decoded(path) for path in paths],
        lambda: [None for path in paths for _ in read_frames(path)],
        lambda: _tracked(paths, eyes),
    ]
    plain, equal, tracking = _least(ways)
    detecting = _least([lambda: [detect(rgb) for path in paths for _, rgb in read_frames(path)]], 1)[0]
    overlaps = np.array([one for faces, frames in zip(_tracked(paths, eyes, keep=True), found, strict=True) for one in _overlaps(faces, frames)])
    ratios = f"{plain / tracking:.2f} | {equal / tracking:.2f} | {detecting / tracking:.1f} | {overlaps.mean():.3f} | {(overlaps >= 0.7).mean():.1%}"
    return f"| {size} | {sum(map(len, found))} | {eyes} | {ratios} | {_jitter(paths[0], eyes):.2f} |"


def _least(ways: list[Callable[[], object]], rounds: int = ROUNDS) -> list[float]:
    """Return the least seconds of each of some pieces of work, done in turn: the machine is not equally fast all the time."""
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for way, spent in zip(ways, times, strict=True):
            begin = time.perf_counter()
            way()
            spent.append(time.perf_counter() - begin)
    return [min(spent) for spent in times]


def _decoded(path: Path) -> None:
    """Decode every frame to RGB as PyAV does by itself, on one thread."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            frame.to_ndarray(format="rgb24")


@cache
def _settings(eyes: str) -> tuple[dict, dict]:
    block = {**params()["track_faces"], "eyes": eyes}
    own = block.pop("detector_settings", {})
    return TrackParams.model_validate(block).model_dump(), own


@cache
def _square() -> tuple[str, dict]:
    return crop_params(params()["crop_faces"]["square100"], "crop_faces.square100")


def _tracked(paths: list[Path], eyes: str, keep: bool = False) -> list[ClipFeatures]:
    """Track clips and cut their crops as a worker does, with an empty clip cache; return what is read from there, if `keep`."""
    with tempfile.TemporaryDirectory() as name:
        store = ClipCache(Path(name))
        crops = (CropJob("square100", paths[0].parent, Path("none"), *_square()),)
        job = TrackJob(paths[0].parent, *_settings(eyes), None, LANDMARKS if eyes == "dlib5" else None, crops, store.root)
        clips = [Clip(path.stem, path.name, "s", "neutral", digest=path.stem) for path in paths]
        keys = [cache_key(**job.parts(clip)) for clip in clips]
        for clip, key in zip(clips, keys, strict=True):
            store.put(key, job.compute(clip, None, []), [], job.stage, job.meta())
        if len(list(store.entries())) != 2 * len(paths):
            sys.exit(f"{paths[0].parent}: not all tracked and cut as a whole")
        found = [store.get(key) for key in keys if keep]
        return [one[0] for one in found if one is not None and isinstance(one[0], ClipFeatures)]


def _overlaps(faces: ClipFeatures, found: list) -> list[float]:
    """Return the overlap of the tracked box with the surest detection, for every frame that has one."""
    boxes = np.where(faces.mask[:, None], faces.values, 0.0)
    return [iou(tuple(box), some[0].box) for box, some in zip(boxes.tolist(), found, strict=True) if some]


def _jitter(path: Path, eyes: str) -> float:
    """Return the mean step of the eyes from frame to frame, px, on one frame shown again and again with a little noise."""
    _, rgb = next(read_frames(path))
    rng = np.random.default_rng(0)
    noisy = (DrawnPicture(np.clip(rgb + rng.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8)) for _ in range(STILL_FRAMES))
    settings, own = _settings(eyes)
    job = TrackJob(path.parent, settings, own, None, LANDMARKS if eyes == "dlib5" else None)
    found = track(((0.04 * index, frame) for index, frame in enumerate(noisy)), job._detector, TrackParams(**settings), [], job._eyes)
    return float(np.linalg.norm(np.diff(found.extra["landmarks"], axis=0), axis=-1).mean())


def long() -> None:
    """Print peak memory for 1 and 10 minutes of 1280x720, and how many times as fast as real time that is."""
    with tempfile.TemporaryDirectory() as name:
        short = _enlarged(Path(name) / "short.mp4")
        print("| minutes | most memory, MB | seconds of film a second |\n|---|---|---|")
        for minutes in (1, 10):
            path = _repeated(short, Path(name) / f"{minutes}.mkv", 60.0 * minutes)
            begin = time.perf_counter()
            most = peak_of(_film, path)
            print(f"| {minutes} | {most:.0f} | {60 * minutes / (time.perf_counter() - begin):.1f} |", flush=True)


def _film(path: Path) -> Callable[[], object]:
    settings, own = _settings("detector")
    job = TrackJob(path.parent, settings, own)
    clip = Clip("c", path.name, "s", "neutral", digest="0")

    def work() -> None:
        (faces,) = job.compute(clip, None, [])
        if abs(faces.times[-1] - 25 ** -1 * (len(faces.times) - 1)) > 0.1:
            raise RuntimeError(f"{path}: not 25 frames a second")

    return work


def _enlarged(path: Path) -> Path:
    """Write one clip of the demo in 1280x720."""
    source = sorted(Path("data/demo").rglob("*.mp4"))[0]
    with av.open(str(source)) as clip, av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "veryfast", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for index, frame in enumerate(clip.decode(video=0)):
            larger = frame.reformat(1280, 720, "yuv420p")
            larger.pts, larger.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(larger))
        out.mux(stream.encode(None))
    return path


def _repeated(source: Path, path: Path, seconds: float) -> Path:
    """Write a clip again and again without encoding anything anew."""
    offset = 0.0
    with av.open(str(source)) as first, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(first.streams.video[0])
        while offset < seconds:
            with av.open(str(source)) as clip:
                packets = [packet for packet in clip.demux(video=0) if packet.pts is not None]
                for packet in packets:
                    shift = round(offset / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                offset += len(packets) / 25
    return path


if __name__ == "__main__":
    if sys.argv[1:] == ["long"]:
        long()
        sys.exit()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"{folder}: no such folder; give one with clips in cremad/ and ravdess/")
    main(folder)
