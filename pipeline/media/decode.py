"""Decode audio and video with FFmpeg (PyAV) on one time axis; the only file that decodes media.

Time 0 is where the clip begins: at the earliest start of any stream of the file (FFmpeg's `start_time` of the
container), or `start` seconds after that where a span is given. Audio sample i lies at i / rate_hz, and frames count
their times from the same point, so the two stay in step when one stream starts late. A span is from `start`, s, None =
the beginning of the file, to `end`, None = the end of the file.

A damaged packet is skipped: what can be decoded is returned, and only a file without anything is an error. `damage`
gets a word for everything that could not be decoded, for what is shorter than promised, and for what was chosen; see
`pipeline.media.remark.degraded_by`.
"""

import errno
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.core.errors import ClipError
from pipeline.media.audio_blocks import BLOCK_S
from pipeline.media.audio_timeline import AudioTimeline, check_audio, in_blocks
from pipeline.media.display import aspect_remarks, shown_aspect
from pipeline.media.downmix import RESAMPLED, Downmix, signs_of
from pipeline.media.frame import VideoFrame, lasts, timed
from pipeline.media.lengths import end_remarks, span_remarks
from pipeline.media.packets import decoded, seek, words
from pipeline.media.placeholder import checked_head
from pipeline.media.remark import Remark, broken
from pipeline.media.streams import chosen
from pipeline.media.whole import unfinished

_RATES_HZ = 1_000, 400_000  # of recordings; a damaged header that says 1 Hz would be hours of audio
_MOST_CHANNELS = 64
_EPSILON_S = 1e-6  # containers give their start in microseconds
DECODED = 8
"""Frames that a thread decodes ahead of the reader."""
_WAVE = {"max_probe_packets": "1"}
"""FFmpeg looks through a WAV's samples for other codecs in disguise: without a limit 5 ms for 3.7 s, 18 at 48 kHz."""


def read_audio(path: Path, rate_hz: int, start: float | None = None, end: float | None = None) -> np.ndarray:
    """Return all that `read_audio_blocks` yields as one array, (N,) float32; for audio that is known to be short."""
    return np.concatenate(list(read_audio_blocks(path, rate_hz, start, end)))


def read_audio_blocks(
    path: Path, rate_hz: int, start: float | None = None, end: float | None = None, damage: list[str] | None = None
) -> Iterator[np.ndarray]:
    """Decode one audio stream of a file (`pipeline.media.streams`), block by block.

    Channels are mixed to one (`pipeline.media.downmix`) and resampled by libswresample.
    Audio that starts late, or pauses by its timestamps, is padded with zeros; audio that stops before `end` is not.

    Yields:
        `BLOCK_S` of audio, the last time the remainder: (n,) float32, full scale = 1, which float audio may exceed;
        together exactly the samples `[start * rate_hz, end * rate_hz)` of the whole file's audio

    Raises:
        ClipError: missing_file; decode_error; no_audio; at the end: bad_span; too_short, below
            `audio_timeline.MIN_AUDIO_S`; silent, digital silence throughout
    """
    pieces = _audio_pieces(path, rate_hz, *_span(start, end), [] if damage is None else damage)
    yield from check_audio(in_blocks(pieces, round(BLOCK_S * rate_hz)), rate_hz)


def _audio_pieces(path: Path, rate_hz: int, begin: float, stop: float, damage: list[str]) -> Iterator[np.ndarray]:
    resampler = partial(av.AudioResampler, format=RESAMPLED, rate=rate_hz)
    last = None if math.isinf(stop) else round(stop * rate_hz)
    with _stream(path, "audio", damage) as (container, stream, zero):
        if stream.rate and not _RATES_HZ[0] <= stream.rate <= _RATES_HZ[1]:
            raise ClipError("decode_error", f"a sampling rate of {stream.rate} Hz, which no recording has")
        if stream.channels > _MOST_CHANNELS:
            raise ClipError("decode_error", f"{stream.channels} channels; FFmpeg mixes {_MOST_CHANNELS} at most")
        downmix = Downmix(_signs(path, stream.channels))
        axis = AudioTimeline(resampler, rate_hz, round(begin * rate_hz), last, downmix)
        damage += downmix.remarks(stream.layout)
        for frame in chain(decoded(container, stream, damage), [None]):
            try:
                axis.add(frame, frame.time - zero if frame and frame.time is not None else None)
            except av.FFmpegError as error:  # a damaged header, with a sampling rate that nothing can have
                damage.append(words(error))
            yield from axis.take()
            if axis.full:
                break
        if broken(damage) and not axis.position:
            raise ClipError("decode_error", broken(damage)[0])
        if begin > 0 and axis.position <= axis.first:
            raise ClipError("bad_span", f"begins at {begin:g} s, after the end of the audio")
        if not axis.full:
            damage += _at_the_end(path, container, stream, axis.position / rate_hz, stop)


def _signs(path: Path, channels: int) -> np.ndarray:
    """Return which channels are turned upside down before they are mixed, by a reading of the file's beginning."""
    if channels < 2:
        return np.ones(channels, np.float32)
    with _stream(path, "audio", []) as (container, stream, _), suppress(av.FFmpegError):
        return signs_of(decoded(container, stream, []))
    return np.ones(channels, np.float32)  # a damaged header, with a layout that nothing can have: mixing tells


def _at_the_end(path: Path, container: Any, stream: Any, end: float, stop: float) -> list[Remark]:
    """Return what is to be said of a stream that was decoded until there was no more, at `end`, s."""
    if stop < math.inf:
        return span_remarks(stream.type, end, stop)
    return end_remarks(path, container, stream, end, _zero(container), partial(opened, path))


def read_frames(
    path: Path, start: float | None = None, end: float | None = None, damage: list[str] | None = None
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield (time, RGB image, (H, W, 3) uint8) of every frame; see `read_video_frames`."""
    return ((time, frame.rgb()) for time, frame in read_video_frames(path, start, end, damage))


def read_video_frames(
    path: Path, start: float | None = None, end: float | None = None, damage: list[str] | None = None
) -> Iterator[tuple[float, VideoFrame]]:
    """Decode one video stream of a file (`pipeline.media.streams`), one frame at a time; cover art is no video.

    Times, s from the beginning of the clip, increase strictly. Frames are as they are shown: upright, or mirrored where
    the file says so, and with square pixels (`pipeline.media.display`).

    Raises:
        ClipError: when the first frame is asked for: missing_file; decode_error, also where no frame is left; no_video;
            bad_span, also where no frame lies in it
    """
    (begin, stop), previous, last = _span(start, end), -math.inf, 0.0
    damage = [] if damage is None else damage
    with _stream(path, "video", damage) as (container, stream, zero):
        seek(container, stream, zero + begin)
        aspect = stream.sample_aspect_ratio
        damage += aspect_remarks(aspect, stream.width, stream.height)
        for time, frame in timed(decoded(container, stream, damage), stream, zero):
            if time >= stop - _EPSILON_S:
                break
            last = time + lasts(frame, stream)
            if time >= begin - _EPSILON_S and time > previous:
                previous = time
                yield max(0.0, time - begin), VideoFrame(frame, shown_aspect(aspect))
        else:
            damage += _at_the_end(path, container, stream, last, stop) if previous > -math.inf else []
    if previous == -math.inf:
        if broken(damage) or (start is None and end is None):
            raise ClipError("decode_error", (broken(damage) or ["the video stream has no frame"])[0])
        raise ClipError("bad_span", "no frame in the span")


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
        raise ClipError("unreadable", words(error)) from error
    with file:
        try:
            head = checked_head(file)
            further = _WAVE if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE" else {}
            container = av.open(file, "r", options={"protocol_whitelist": "none", **further}, metadata_errors="replace")
        except (av.FFmpegError, OSError) as error:  # no name: clips with equal bytes share one result
            raise ClipError("decode_error", words(error) + unfinished(path, head)) from error
        with container:
            yield container


@contextmanager
def _stream(path: Path, kind: str, damage: list[str]) -> Iterator[tuple[Any, Any, float]]:
    """Open a file for the stream of a kind that is read; also return where its time begins, s."""
    with opened(path) as container:
        stream, remarks = chosen(container, kind, partial(opened, path))
        damage += remarks
        stream.codec_context.thread_count = 1  # the number of cores must not show in results, workers use them
        yield container, stream, _zero(container)


def _zero(container: Any) -> float:
    return (container.start_time or 0) / av.time_base
