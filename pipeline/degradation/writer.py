"""Writes what `effects` makes: lossless media, and a folder for the adapter manifest_csv, no date or random number.

Frames are FFV1 (RGB) in Matroska, with their times to the millisecond; audio is 16-bit PCM, one channel; audio
without video is a WAV file.
"""

import math
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from heapq import merge
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.codec.context import Flags

from pipeline.core.clip import Clip, check_clip_id
from pipeline.core.errors import CorpusError
from pipeline.core.file_names import located
from pipeline.core.files import write_csv
from pipeline.pretraining.settings import MARK

_MS = Fraction(1, 1000)
_PIECE = 1024
_COLUMNS = ("clip_id", "path", "speaker", "emotion", "split", "gender", "start", "end", "source", "corpus")
CLEAN, WORSE = "clean", "worse"
"""Folders of both conditions, and their names in the column `corpus`."""

FrameStream = Iterator[tuple[float, np.ndarray]]
"""(time, s; (H, W, 3) uint8 RGB) of consecutive frames."""


def write_lossless(
    path: Path, frames: FrameStream | None, audio: Iterator[np.ndarray] | None, rate_hz: int, frame_rate: Fraction
) -> None:
    """Write video and audio to one file, `.mkv`, or `.wav` without video, in the order of their times.

    All frames, at least one, get the size of the first, and each has its own time, the frame rate is for players;
    audio, consecutive samples (n,) from time 0 on, is cut off at +-1.
    """
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        tracks = []
        if frames is not None:
            first = next(frames)
            stream = _stream(container, "ffv1", rate=frame_rate)
            stream.height, stream.width = first[1].shape[:2]
            stream.pix_fmt, stream.time_base, stream.codec_context.time_base = "bgra", _MS, _MS
            tracks.append(_video_packets(stream, chain([first], frames)))
        if audio is not None:
            tracks.append(_audio_packets(_stream(container, "pcm_s16le", rate=rate_hz, layout="mono"), audio, rate_hz))
        for _, packets in merge(*tracks, key=itemgetter(0)):
            container.mux(packets)


def _stream(container: Any, codec: str, **options: Any) -> Any:
    stream = container.add_stream(codec, **options)
    stream.codec_context.flags |= Flags.bitexact
    stream.codec_context.thread_count = 1  # the number of cores must not show in the bytes
    return stream


def _video_packets(stream: Any, frames: FrameStream) -> Iterator[tuple[float, list[Any]]]:
    size = stream.width, stream.height
    for time, rgb in frames:
        fitting = rgb if rgb.shape[1::-1] == size else cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        frame = av.VideoFrame.from_ndarray(cv2.cvtColor(fitting, cv2.COLOR_RGB2BGRA), format="bgra")
        frame.pts, frame.time_base = round(time * 1000), _MS
        yield time, stream.encode(frame)
    yield math.inf, stream.encode(None)


def _audio_packets(stream: Any, blocks: Iterator[np.ndarray], rate_hz: int) -> Iterator[tuple[float, list[Any]]]:
    position = 0
    for block in blocks:
        samples = np.clip(np.round(np.asarray(block, np.float64) * 32768), -32768, 32767).astype(np.int16)
        for begin in range(0, len(samples), _PIECE):
            piece = np.ascontiguousarray(samples[None, begin : begin + _PIECE])
            frame = av.AudioFrame.from_ndarray(piece, format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, position, Fraction(1, rate_hz)
            yield position / rate_hz, stream.encode(frame)
            position += piece.shape[1]
    yield math.inf, stream.encode(None)


def check_worse_ids(clips: Iterable[Clip], where: Path) -> None:
    """Refuse clips, of the manifest `where`, whose worse one would have no usable id, or that of another clip, by a
    CorpusError that names it.
    """
    taken = {clip.clip_id for clip in clips}
    for clip_id in sorted(taken):
        check_clip_id(_worse(clip_id), str(where))
        if _worse(clip_id) in taken:
            raise CorpusError(
                f"{where}: clip_id '{_worse(clip_id)}' is needed for the worse clip of '{clip_id}'; "
                "rename it in the corpus"
            )


def _worse(clip_id: str) -> str:
    return f"{clip_id}.{WORSE}"


def write_folder(folder: Path, root: Path, clips: Sequence[Clip], files: Mapping[str, str]) -> None:
    """Put the clean files of the corpus at `root` beside the worse ones, `files[clip_id]` in `worse/` of the folder,
    and write manifest.csv; the notice of a generated corpus goes with it.
    """
    for path in sorted({clip.path for clip in clips}):
        source, target = located(root, path).resolve(), folder / CLEAN / _clean(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except OSError:  # another file system, or one that knows no hard links; what else is wrong, copying tells
            shutil.copyfile(source, target)
    for mark in [place / MARK for place in (root.parent, root) if (place / MARK).is_file()]:
        shutil.copyfile(mark, folder / MARK)
    write_csv(folder / "manifest.csv", _COLUMNS, _rows(clips, files))


def _clean(path: str) -> str:
    """Return a path without the escapes of bytes that are no UTF-8: in a manifest a backslash separates folders."""
    return path.replace("\\", "_")


def _rows(clips: Sequence[Clip], files: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """Yield both lines of every clip; where no recording is known, it is the file, so that guards keep a clip and its
    worse one on the same side of a fold.
    """
    first: dict[str, str] = {}
    for clip in clips:
        source = clip.source or first.setdefault(clip.digest or clip.path, clip.path)
        common = (clip.speaker, clip.emotion, clip.split, clip.gender)
        yield clip.clip_id, f"{CLEAN}/{_clean(clip.path)}", *common, clip.start, clip.end, source, CLEAN
        yield _worse(clip.clip_id), f"{WORSE}/{files[clip.clip_id]}", *common, "", "", source, WORSE
