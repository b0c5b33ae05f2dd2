"""Writes video and audio as an MP4 whose bytes depend on nothing but its contents."""

import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags

_AAC_FRAME = 1024
# One thread: the slices x264 cuts a frame into otherwise depend on the number of cores. Independent of the processor:
# otherwise x264 decides by sums that its code for AVX-512 rounds another way, and not the same way in every run.
_X264 = {"preset": "veryfast", "crf": "20", "threads": "1", "x264-params": "threads=1:cpu-independent=1"}


def _video(frames: npt.NDArray[np.uint8], fps: int) -> Iterator[Any]:
    """Video frames with their times."""
    for k, rgb in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = k, Fraction(1, fps)
        yield frame


def _audio(samples: npt.NDArray[np.float32], rate_hz: int) -> Iterator[Any]:
    """Audio frames of 1024 samples, the last one shorter."""
    for start in range(0, len(samples), _AAC_FRAME):
        block = np.ascontiguousarray(samples[None, start : start + _AAC_FRAME])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate_hz, start, Fraction(1, rate_hz)
        yield frame


def write_mp4(
    path: Path, frames: npt.NDArray[np.uint8], samples: npt.NDArray[np.float32] | None, fps: int = 25,
    rate_hz: int = 16_000,
) -> None:  # fmt: skip
    """Writes ``frames`` (t, h, w, 3) RGB and ``samples`` (n,) mono within -1..1, or no audio, to ``path``.

    H.264 and AAC of 96 kbit/s, bit-exact flags, no times or encoder names in the metadata. The file appears under its
    name only when it is complete.
    """
    temporary = path.with_name(f".{path.stem}.part.mp4")
    options = {"fflags": "+bitexact", "movflags": "+faststart"}
    with av.open(str(temporary), "w", format="mp4", options=options) as container:
        video = container.add_stream("libx264", rate=fps, options=_X264)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        tracks = [(video, _video(frames, fps))]
        if samples is not None:
            audio = container.add_stream("aac", rate=rate_hz, layout="mono")
            audio.bit_rate = 96_000
            tracks.append((audio, _audio(samples, rate_hz)))
        for stream, _ in tracks:
            stream.codec_context.flags |= Flags.bitexact
        for stream, parts in tracks:
            for part in chain(parts, [None]):
                container.mux(stream.encode(part))
    os.replace(temporary, path)
