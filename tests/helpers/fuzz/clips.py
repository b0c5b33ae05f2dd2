"""Run clips through `prepare`, a stage that listens and one that looks, and hold the ledger against what is true.

A batch is a corpus of its own with an empty clip cache: an ordinary clip before and one behind the inputs. What is
asked:

    a clip's failure is its own     each stage ends, with one line for every clip; one input of a batch is computed
                                    alone, too, and gives the same line and the same bytes
    the ledger tells the truth      what is whole is read in full; what is `ok` is as long as what was put in, or as its
                                    container says; no stream is `absent` that is there; text is not media
    another clip's bytes stay       those of the ordinary clips are what they are without the inputs
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from helpers.fuzz import Verdict
from helpers.fuzz.media import Input, base
from helpers.project import ROOT
from pipeline.core.clip import Clip
from pipeline.core.errors import PipelineError
from pipeline.core.ledger import Entry, read_ledger
from pipeline.core.settings import Runtime, read_params
from pipeline.core.store import FeatureFile
from pipeline.engine.run import run
from pipeline.faces.tracking.job import TrackJob
from pipeline.features.extract_job import ExtractJob
from pipeline.manifest.build import read_corpus
from pipeline.manifest.settings import CorpusParams
from pipeline.media.decode import read_audio, read_frames

STAGES = ("sound", "picture")
NEIGHBOURS = ("first", "last")
NEAR_S, NEAR = 0.25, 0.25
"""Lengths that differ by less than both are equal: encoders pad, and the clips are short."""
Beat = Callable[[str], None]


class Watched:
    """A job that tells which clip it is about to work on."""

    def __init__(self, job: Any, beat: Beat) -> None:
        self._job, self._beat = job, beat

    def __getattr__(self, name: str) -> Any:
        return getattr(self._job, name)

    def load(self, clip: Clip) -> Any:
        return self._job.load(clip)

    def compute(self, clip: Clip, loaded: Any, notes: list[str]) -> Iterator[Any]:
        self._beat(clip.clip_id)
        yield from self._job.compute(clip, loaded, notes)


@dataclass(frozen=True)
class Found:
    """What became of one clip in one stage: its line, the digest of its features, and where they end, s."""

    line: Entry
    digest: str = ""
    end: float = 0.0


@cache
def _params() -> dict[str, Any]:
    params = read_params(ROOT / "params.yaml")
    params["track_faces"] = {**params["track_faces"], "detector": "dlib_hog", "eyes": "detector"}
    params["track_faces"].pop("detector_settings", None)
    return {**params, "crop_faces": {}}


def _jobs(root: Path, work: Path) -> dict[str, Any]:
    params = _params()
    heard = ExtractJob.of("mfcc39", params["extract"]["mfcc39"], "extract.mfcc39", root, None)
    seen = TrackJob.of(params.__getitem__, root, work / "picture.h5", (None, None), work / "cache")
    return dict(zip(STAGES, (heard, seen), strict=True))


def run_corpus(inputs: Mapping[str, Input], work: Path, beat: Beat) -> dict[str, dict[str, Found]]:
    """Return clip id -> stage -> what became of it, of the inputs and of the ordinary clips around them."""
    shutil.rmtree(work, ignore_errors=True)
    root = work / "corpus"
    root.mkdir(parents=True)
    ordinary = base(".mp4")
    files = {NEIGHBOURS[0]: ordinary, **inputs, NEIGHBOURS[1]: ordinary}
    rows = [("clip_id", "path", "speaker", "emotion", "start", "end")]
    for number, (name, one) in enumerate(files.items()):
        (root / f"{name}{one.suffix}").write_bytes(one.data)
        span = ["" if value is None else value for value in (one.start, one.end)]
        rows.append((name, f"{name}{one.suffix}", f"speaker{number}", "sad", *map(str, span)))
    with (root / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    clips, prepared = read_corpus("fuzz", CorpusParams(adapter="manifest_csv", root=str(root)), 1)
    found: dict[str, dict[str, Found]] = {clip.clip_id: {} for clip in clips}
    for stage, job in _jobs(root, work).items():
        out, ledger = work / f"{stage}.h5", work / f"{stage}.csv"
        runtime = Runtime(workers=1, clip_cache=str(work / "cache"), max_failed_fraction=1)
        run(Watched(job, beat), clips, prepared, job.meta(), out, ledger, runtime)
        for name, each in _found(out, ledger, job.stage).items():
            found[name][stage] = each
    return found


def _found(out: Path, ledger: Path, stage: str) -> dict[str, Found]:
    lines = [entry for entry in read_ledger(ledger) if entry.stage == stage]
    found = {}
    with FeatureFile(out) as file:
        kept = set(file.clip_ids())
        for line in lines:
            assert line.clip_id not in found, f"two lines of {line.clip_id}"
            assert line.lost == (line.clip_id not in kept), f"{line.clip_id}: a line and features that do not agree"
            if line.lost:
                found[line.clip_id] = Found(line)
                continue
            times = file.read(line.clip_id).times
            step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
            found[line.clip_id] = Found(line, file.digest(line.clip_id), float(times[-1]) + step)
    return found


@cache
def _reference(work: Path) -> dict[str, str]:
    """Return stage -> digest of the ordinary clip where nothing lies beside it."""
    return {stage: found.digest for stage, found in run_corpus({}, work / "reference", lambda _: None)["first"].items()}


def prepare(work: Path) -> None:
    """Import what the stages use and compute the ordinary clip, so that forks need not."""
    _reference(work)


def judge_batch(inputs: Mapping[int, Input], work: Path, beat: Beat, alone: int | None) -> list[Verdict]:
    """Return the verdict on each input of one corpus; `alone` is the one that is computed by itself, too."""
    names = {f"n{number}": one for number, one in inputs.items()}
    found = run_corpus(names, work / "batch", beat)
    reference = _reference(work)
    moved = [
        f"the bytes of the ordinary clip '{name}' moved ({stage})"
        for name in NEIGHBOURS
        for stage in STAGES
        if found[name][stage].digest != reference[stage]
    ]
    verdicts = []
    for number, one in inputs.items():
        beat(f"n{number}")
        of = found[f"n{number}"]
        wrong = [*moved, *lies(one, of, work / "batch/corpus" / f"n{number}{one.suffix}")]
        if number == alone:
            by_itself = run_corpus({f"n{number}": one}, work / "alone", beat)[f"n{number}"]
            wrong += [f"another result by itself ({stage})" for stage in STAGES if by_itself[stage] != of[stage]]
        lines = [of[stage].line for stage in STAGES]
        worst = max((line.status for line in lines), key=("ok", "absent", "degraded", "failed").index)
        words = "; ".join(f"{stage}: {line.status} {line.reason} {line.detail}".strip() for stage, line in of_lines(of))
        verdicts.append(Verdict(number, one.rule, worst, tuple(wrong), words))
    return verdicts


def of_lines(of: Mapping[str, Found]) -> list[tuple[str, Entry]]:
    """Return (stage, line) of each stage."""
    return [(stage, found.line) for stage, found in of.items()]


def lies(one: Input, of: Mapping[str, Found], path: Path) -> list[str]:
    """Return what the ledger says of an input that is not so."""
    wrong = []
    for stage, true in (("sound", one.sound), ("picture", one.picture)):
        wrong += [f"{stage}: {words}" for words in _length_lies(one, of[stage], stage, true)]
        line = of[stage].line
        if line.status == "absent" and _has(one, "audio" if stage == "sound" else "video"):
            wrong.append(f"{stage}: absent, but the file has such a stream")
        if "\n" in line.detail or str(path.parent) in line.detail:
            wrong.append(f"{stage}: a line of the ledger with a line break, or with a path of this machine")
    if one.first is not None:
        wrong += _picture_lies(one.first, path)
    if one.heard is not None:
        wrong += _sound_lies(one, path)
    return wrong


def _length_lies(one: Input, found: Found, stage: str, true: float | None) -> Iterator[str]:
    line = found.line
    if true is None:
        if not line.lost:
            yield f"{line.status}, of a file without any"
        return
    if one.start is not None:
        yield from _span_lies(one, found, true)
        return
    if one.whole:
        if line.lost:
            yield f"{line.status} {line.reason} ({line.detail}), of a whole clip"
        elif abs(found.end - true) > NEAR_S:
            yield f"{line.status}, {found.end:.2f} s of {true:.2f} s"
    elif line.status == "ok" and one.declares and abs(found.end - true) > max(NEAR_S, NEAR * true):
        declared = _declared(one, "audio" if stage == "sound" else "video")
        if abs(found.end - declared) > max(NEAR_S, NEAR * declared):
            yield f"ok, {found.end:.2f} s, put in {true:.2f} s, declared {declared:.2f} s"


def _span_lies(one: Input, found: Found, true: float) -> Iterator[str]:
    start, end = one.start or 0.0, one.end
    if start > true + NEAR_S and not found.line.lost:
        yield f"{found.line.status}, of a span that begins at {start} s, after the end"
    elif found.line.status == "ok" and end is not None and end > true + NEAR_S:
        yield f"ok, of a span that ends at {end} s, {end - true:.2f} s after the end"
    elif not found.line.lost and abs(found.end - (min(true, end or true) - start)) > NEAR_S:
        yield f"{found.end:.2f} s of a span of {min(true, end or true) - start:.2f} s"


def _opened(one: Input) -> Any:
    return av.open(io.BytesIO(one.data), options={"protocol_whitelist": "none"}, metadata_errors="replace")


def _has(one: Input, kind: str) -> bool:
    try:
        with _opened(one) as container:
            return any(not s.disposition & av.stream.Disposition.attached_pic for s in getattr(container.streams, kind))
    except (av.FFmpegError, OSError, ValueError):
        return False


def _declared(one: Input, kind: str) -> float:
    """Return how long the container says that its stream is, or all of it, s; infinity where it does not open."""
    try:
        with _opened(one) as container:
            lengths = [float(s.duration * s.time_base) for s in getattr(container.streams, kind) if s.duration]
            return max(lengths, default=(container.duration or 0) / av.time_base)
    except (av.FFmpegError, OSError, ValueError):
        return float("inf")


def _picture_lies(first: np.ndarray, path: Path) -> Iterator[str]:
    try:
        _, shown = next(iter(read_frames(path)))
    except PipelineError as error:
        yield f"first frame: {error}"
        return
    if max(abs(a - b) for a, b in zip(shown.shape[:2], first.shape[:2], strict=True)) > 2:
        yield f"a frame of {shown.shape[1]} x {shown.shape[0]} px, shown as {first.shape[1]} x {first.shape[0]}"
        return
    height, width = (min(pair) for pair in zip(shown.shape[:2], first.shape[:2], strict=True))
    away = np.abs(shown[:height, :width].astype(int) - first[:height, :width]).mean()
    if away > 8:
        yield f"the first frame is {away:.0f} grey levels from the one that a player shows"


def _sound_lies(one: Input, path: Path) -> Iterator[str]:
    assert one.heard is not None
    try:
        found = read_audio(path, 16_000)
    except PipelineError as error:
        yield f"sound: {error}"
        return
    shared = min(len(found), len(one.heard))
    heard, said = found[:shared].astype(float), one.heard[:shared].astype(float)
    level = 20 * np.log10(max(1e-9, abs(heard @ said)) / (said @ said))
    if not -one.quiet_db <= level <= 6:
        yield f"the voice is read {level:+.1f} dB from what it is"
