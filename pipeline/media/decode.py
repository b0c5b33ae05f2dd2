"""Decode audio and video with FFmpeg (PyAV) on one time axis; the only file that decodes media.

Time 0 is where the clip begins: at the earliest start of any stream of the file (FFmpeg's `start_time` of the
container), or `start` seconds after that where a span is given. Audio sample i lies at i / rate_hz, and frames count
their times from the same point, so the two stay in step when one stream starts late. A span is from `start`, s, None =
the beginning of the file, to `end`, None = the end of the file.

A damaged packet is skipped: what can be decoded is returned, `damage` gets a word for everything that could not be (see
`degraded_by`), and only a file without anything is an error.
"""

import errno
import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

from pipeline.core.errors import ClipError
from pipeline.media.audio_blocks import BLOCK_S
from pipeline.media.audio_timeline import AudioTimeline, check_audio, in_blocks
from pipeline.media.frame import VideoFrame, timed
from pipeline.media.placeholder import checked_head

_EPSILON_S = 1e-6  # containers give their start in microseconds
DECODED = 8
"""Frames that a thread decodes ahead of the reader."""
_SEEK_FROM_S, _PREROLL_S = 5.0, 1.0
_WAVE = {"max_probe_packets": "1"}
"""FFmpeg looks through a WAV's samples for other codecs in disguise: without a limit 5 ms for 3.7 s, 18 at 48 kHz."""
_EXACT_SEEK = ("mov", "matroska")  # their timestamps stay exact after a seek; others are decoded from the beginning


def read_audio(path: Path, rate_hz: int, start: float | None = None, end: float | None = None) -> np.ndarray:
    """Return all that `read_audio_blocks` yields as one array, (N,) float32; for audio that is known to be short."""
    return np.concatenate(list(read_audio_blocks(path, rate_hz, start, end)))


def read_audio_blocks(
    path: Path, rate_hz: int, start: float | None = None, end: float | None = None, damage: list[str] | None = None
) -> Iterator[np.ndarray]:
    """Decode the first audio stream of a file, block by block.

    Channels are averaged (FFmpeg's own downmix of float audio leaves [-1, 1]) and resampled by libswresample.
    Audio that starts late, or pauses by its timestamps, is padded with zeros; audio that stops before `end` is not.

    Yields:
        `BLOCK_S` of audio, the last time the remainder: (n,) float32 in [-1, 1]; together exactly the samples
        `[start * rate_hz, end * rate_hz)` of the whole file's audio

    Raises:
        ClipError: missing_file; decode_error; no_audio; at the end: bad_span; too_short, below
            `audio_timeline.MIN_AUDIO_S`; silent, digital silence throughout
    """
    pieces = _audio_pieces(path, rate_hz, *_span(start, end), [] if damage is None else damage)
    yield from check_audio(in_blocks(pieces, round(BLOCK_S * rate_hz)), rate_hz)


def _audio_pieces(path: Path, rate_hz: int, begin: float, stop: float, damage: list[str]) -> Iterator[np.ndarray]:
    resampler = partial(av.AudioResampler, format="fltp", rate=rate_hz)
    last = None if math.isinf(stop) else round(stop * rate_hz)
    axis = AudioTimeline(resampler, rate_hz, round(begin * rate_hz), last)
    with _first_stream(path, "audio") as (container, stream, zero):
        for frame in chain(_decoded(container, stream, damage), [None]):
            try:
                axis.add(frame, frame.time - zero if frame and frame.time is not None else None)
            except av.FFmpegError as error:  # a damaged header, with a sampling rate that nothing can have
                damage.append(_words(error))
            yield from axis.take()
            if axis.full:
                break
    if damage and not axis.position:
        raise ClipError("decode_error", damage[0])
    if begin > 0 and axis.position <= axis.first:
        raise ClipError("bad_span", f"begins at {begin:g} s, after the end of the audio")


def degraded_by(damage: Sequence[str]) -> list[str]:
    """Return the note for the ledger that some of a clip could not be decoded; none where all of it could."""
    return [f"decode_error: part of it could not be decoded ({damage[0]})"] if damage else []


def read_frames(
    path: Path, start: float | None = None, end: float | None = None, damage: list[str] | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (time, RGB image, (H, W, 3) uint8) of every frame; see `read_video_frames`."""
    return ((time, frame.rgb()) for time, frame in read_video_frames(path, start, end, damage))


def read_video_frames(
    path: Path, start: float | None = None, end: float | None = None, damage: list[str] | None = None
) -> Iterator[tuple[float, VideoFrame]]:
    """Decode the first video stream of a file, one frame at a time; cover art is no video.

    Times, s from the beginning of the clip, increase strictly.

    Raises:
        ClipError: when the first frame is asked for: missing_file; decode_error; no_video; bad_span, also where no
            frame lies in the span
    """
    begin, stop = _span(start, end)
    damage = [] if damage is None else damage
    previous = -math.inf
    with _first_stream(path, "video") as (container, stream, zero):
        _seek(container, stream, zero + begin)
        for time, frame in timed(_decoded(container, stream, damage), stream, zero):
            if time >= stop - _EPSILON_S:
                break
            if time >= begin - _EPSILON_S and time > previous:
                previous = time
                yield max(0.0, time - begin), VideoFrame(frame)
    if previous == -math.inf:
        reason = "decode_error" if damage else "no_video" if start is None and end is None else "bad_span"
        raise ClipError(reason, damage[0] if damage else "no frame in the stream or the span")


def _span(start: float | None, end: float | None) -> tuple[float, float]:
    begin, stop = 0.0 if start is None else start, math.inf if end is None else end
    if not 0 <= begin < stop or math.isinf(begin):  # a NaN fails every comparison
        raise ClipError("bad_span", f"from {start} s to {end} s")
    return begin, stop


class _Bytes(io.FileIO):
    """A file that answers FFmpeg's impossible seeks by a number: PyAV raises an exception much later, or prints it."""

    def seek(self, offset: int, whence: int = 0) -> int:
        try:
            return super().seek(offset, whence)
        except OSError:
            return -errno.EINVAL


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a container by its bytes, without any protocol: no name and no playlist leads to other files or hosts."""
    try:
        if not path.is_file():
            raise ClipError("missing_file", "a folder" if path.is_dir() else "not there")
        file = _Bytes(path)
    except OSError as error:
        raise ClipError("unreadable", _words(error)) from error
    with file:
        try:
            head = checked_head(file)
            further = _WAVE if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE" else {}
            container = av.open(file, "r", options={"protocol_whitelist": "none", **further}, metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:  # no name: clips with equal bytes share one result
            raise ClipError("decode_error", _words(error)) from error
        with container:
            yield container


def _words(error: Any) -> str:
    return getattr(error, "strerror", None) or type(error).__name__  # str(error) holds the path


@contextmanager
def _first_stream(path: Path, kind: str) -> Iterator[tuple[Any, Any, float]]:
    """Open a file for its first stream of a kind; also return where its time begins, s."""
    with opened(path) as container:
        streams = [s for s in getattr(container.streams, kind) if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise ClipError(f"no_{kind}")
        if streams[0].codec_context is None:
            raise ClipError("decode_error", f"no decoder for the {kind} stream")
        streams[0].codec_context.thread_count = 1  # the number of cores must not show in results, workers use them
        yield container, streams[0], (container.start_time or 0) / av.time_base


def _seek(container: Any, stream: Any, time: float) -> None:
    if time >= _SEEK_FROM_S and container.format.name.startswith(_EXACT_SEEK):
        with suppress(av.FFmpegError):  # then decoding goes from the beginning
            container.seek(int((time - _PREROLL_S) / stream.time_base), stream=stream)


def _decoded(container: Any, stream: Any, damage: list[str]) -> Iterator[Any]:
    """Yield the frames of a stream; add to `damage` what could not be decoded, and go on."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            frames = packet.decode() if packet else []
        except (av.FFmpegError, OSError, IndexError) as error:  # PyAV's index, where damage shows as a new stream
            damage.append(_words(error))
            continue
        if packet is None:
            return
        yield from frames
