"""Face tracking against decoding and against a detection on every frame, as ratios within one run.

    python -m benchmarks.tracking [FOLDER]      clips of two sizes (by default the development clips beside the project)
    python -m benchmarks.tracking long          a clip of 1 and of 10 minutes, 1280x720, made of the demo's

Printed per picture size: how many times as fast the tracker is as decoding to RGB alone on one thread, by PyAV's
    defaults and as
this project converts (the same on every processor), and as a dlib HOG detection on every frame: by one worker, which
decodes in a thread of its own, and by one worker per core, as the stage does by default; medians and quartiles of the
ratios of single rounds. Then how far its boxes are from those detections, and how far the eyes move on a still picture.
The tracker works with the settings of params.yaml, from the file to its entry in the clip cache and that of the 100x100
crops, with and without the predictor of the eyes.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import av
import numpy as np

from benchmarks.bench import params
from benchmarks.measure import peak_of
from pipeline.core.clip import Clip
from pipeline.core.store import ClipFeatures
from pipeline.engine.clip_cache import ClipCache, cache_key
from pipeline.engine.parallel import ordered_map
from pipeline.faces.boxes import iou
from pipeline.faces.cropping.job import CropJob, crop_params
from pipeline.faces.detection import dlib_hog
from pipeline.faces.tracking.job import TrackJob
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracker import track
from pipeline.media.decode import read_frames
from pipeline.media.frame import VideoFrame

ROUNDS = 25
STILL_FRAMES = 50
LANDMARKS = Path("models/pretrained/landmarks")
EACH = 4
"""How often every clip is worked on in a round by worker processes."""
HEAD = (
    "size | frames | eyes by | one worker / decoding to RGB | one worker / decoding to equal RGB | a worker per "
    "core / decoding to RGB "
    "| the same, RGB by as many workers | one worker / detecting in every frame | IoU mean | IoU >= 0.7 | jitter, px"
)


def main(folder: Path) -> None:
    """Print table rows per picture size."""
    sizes: dict[str, list[Path]] = defaultdict(list)
    for path in sorted([*folder.rglob("*.flv"), *folder.rglob("*.mp4")]):
        if path.parent.name in ("cremad", "ravdess"):
            height, width, _ = next(read_frames(path))[1].shape
            sizes[f"{width}x{height}"].append(path)
    print(f"| {HEAD} |\n|{'---|' * 11}")
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
        lambda: _by_workers(partial(_tracked_one, eyes=eyes), paths),
        lambda: _by_workers(_decoded, paths),
    ]
    plain, equal, tracking, workers, plain_workers = _seconds(ways, ROUNDS)
    (detecting,) = _seconds([lambda: [detect(rgb) for path in paths for _, rgb in read_frames(path)]], 1)
    overlaps = np.array(
        [
            one
            for faces, frames in zip(_tracked(paths, eyes, keep=True), found, strict=True)
            for one in _overlaps(faces, frames)
        ]
    )
    ratios = [
        _shown(plain / tracking),
        _shown(equal / tracking),
        _shown(EACH * plain / workers),
        _shown(plain_workers / workers),
    ]
    rest = f"{np.median(detecting / tracking):.1f} | {overlaps.mean():.3f} | {(overlaps >= 0.7).mean():.1%}"
    return (
        f"| {size} | {sum(map(len, found))} | {eyes} | {' | '.join(ratios)} | {rest} | {_jitter(paths[0], eyes):.2f} |"
    )


def _shown(ratios: np.ndarray) -> str:
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _seconds(ways: list[Callable[[], object]], rounds: int) -> np.ndarray:
    """Return the seconds (ways, rounds) of some pieces of work done in turn: the machine is not equally fast all the
    time, and a round is short.
    """
    for way in ways:
        way()
    times = np.empty((len(ways), rounds))
    for turn in range(rounds):
        for number, way in enumerate(ways):
            begin = time.perf_counter()
            way()
            times[number, turn] = time.perf_counter() - begin
    return times


def _decoded(path: Path) -> None:
    """Decode every frame to RGB as PyAV does by itself, on one thread."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for frame in container.decode(stream):
            frame.to_ndarray(format="rgb24")


def _by_workers(function: Callable[[Path], object], paths: list[Path]) -> None:
    """Call a function with every clip some times, in the worker processes of a stage: one per core."""
    for _ in ordered_map(function, paths * EACH, workers=0):
        pass


def _tracked_one(path: Path, eyes: str) -> None:
    _tracked([path], eyes)


@cache
def _settings(eyes: str) -> tuple[TrackParams, dict]:
    block = {**params()["track_faces"], "eyes": eyes}
    own = block.pop("detector_settings", {})
    return TrackParams.model_validate(block), own


@cache
def _square() -> tuple[str, dict]:
    return crop_params(params()["crop_faces"]["square100"], "crop_faces.square100")


def _tracked(paths: list[Path], eyes: str, keep: bool = False) -> list[ClipFeatures]:
    """Track clips and cut their crops as a worker does, with an empty clip cache; return what is read from there, if
    `keep`.
    """
    with tempfile.TemporaryDirectory() as name:
        store = ClipCache(Path(name))
        crops = (CropJob("square100", paths[0].parent, Path("none"), *_square()),)
        job = TrackJob(
            paths[0].parent, *_settings(eyes), None, LANDMARKS if eyes == "dlib5" else None, crops, store.root
        )
        clips = [Clip(path.stem, path.name, "s", "neutral", digest=path.stem) for path in paths]
        keys = [cache_key(**job.parts(clip)) for clip in clips]
        for clip, key in zip(clips, keys, strict=True):
            store.put(key, job.compute(clip, None, []), [], job.stage, job.meta())
        if len(list(store.entries())) != 2 * len(paths):
            sys.exit(f"{paths[0].parent}: not all tracked and cut as a whole")
        found = [store.get(key) for key in keys if keep]
        return [one[0] for one in found if one is not None and isinstance(one[0], ClipFeatures)]


def _overlaps(faces: ClipFeatures, found: list) -> list[float]:
    """Return the overlap of the tracked box with the most confident detection, for every frame that has one."""
    boxes = np.where(faces.mask[:, None], faces.values, 0.0)
    return [iou(tuple(box), some[0].box) for box, some in zip(boxes.tolist(), found, strict=True) if some]


def _jitter(path: Path, eyes: str) -> float:
    """Return the mean step of the eyes from frame to frame, px, on one frame repeated with a little noise."""
    _, rgb = next(read_frames(path))
    rng = np.random.default_rng(0)
    noisy = (np.clip(rgb + rng.normal(0, 2, rgb.shape), 0, 255).astype(np.uint8) for _ in range(STILL_FRAMES))
    settings, own = _settings(eyes)
    job = TrackJob(path.parent, settings, own, None, LANDMARKS if eyes == "dlib5" else None)
    found = track(
        ((0.04 * index, VideoFrame(av.VideoFrame.from_ndarray(one))) for index, one in enumerate(noisy)),
        job._detector,
        settings,
        [],
        job._eyes,
    )
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
        if abs(faces.times[-1] - 25**-1 * (len(faces.times) - 1)) > 0.1:
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
    from benchmarks import tracking  # as the worker processes know it

    if sys.argv[1:] == ["long"]:
        tracking.long()
        sys.exit()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        sys.exit(f"{folder}: no such folder; give one with clips in cremad/ and ravdess/")
    tracking.main(folder)
