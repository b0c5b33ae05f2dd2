"""Files of any number of streams in any order, with marks of the default, aspect of pixels and layout of channels."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition

Stream = tuple[str, Any, dict]
"""`audio` or `video`; samples (N,) or (N, channels) at 16 kHz, or pictures (T, H, W, 3); default, aspect, layout."""
_CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mkv": ("libx264", "flac"),
    ".avi": ("mpeg4", "pcm_s16le"),
    ".wav": ("", "pcm_s16le"),
}
RATE = 16_000


def write_streams(suffix: str, streams: Sequence[Stream]) -> bytes:
    """Return the bytes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"clip{suffix}")
        with av.open(str(path), "w") as container:
            made = [_added(container, suffix, *each) for each in streams]
            packets = [packet for stream, frames in made for packet in _encoded(stream, frames)]
            container.start_encoding()
            for packet in sorted(packets, key=lambda one: one.dts * one.time_base):
                container.mux(packet)
        return path.read_bytes()


def _encoded(stream: Any, frames: list[Any]) -> list[Any]:
    return [packet for frame in (*frames, None) for packet in stream.encode(frame) if packet.dts is not None]


def _added(container: Any, suffix: str, kind: str, content: Any, marks: dict) -> tuple[Any, list[Any]]:
    video, audio = _CODECS[suffix]
    if kind == "video":
        options = {"preset": "ultrafast", "threads": "1", "crf": "12"} if video == "libx264" else {"b": "4M"}
        stream = container.add_stream(video, rate=25, options=options)
        stream.height, stream.width = content[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        if "aspect" in marks:
            stream.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio = marks["aspect"]
        frames = [_frame(index, rgb) for index, rgb in enumerate(content)]
    else:
        name = marks.get("layout", "mono")
        form = {"flac": "s16", "pcm_s16le": "s16", "aac": "fltp"}[audio]
        stream = container.add_stream(audio, rate=RATE, layout=name, format=form)
        frames = _blocks(np.asarray(content, np.float32).reshape(len(content), -1), name, form)
    if "default" in marks:
        stream.disposition = Disposition.default if marks["default"] else Disposition(0)
    return stream, frames


def _frame(index: int, rgb: np.ndarray) -> Any:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    frame.pts, frame.time_base = index, Fraction(1, 25)
    return frame


def _blocks(samples: np.ndarray, layout: str, form: str) -> list[Any]:
    found = []
    for begin in range(0, len(samples), 1024):
        part = samples[begin : begin + 1024]
        if form == "s16":
            whole = np.ascontiguousarray((part.clip(-1, 1) * 32767).round().astype(np.int16)).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(whole, format="s16", layout=layout)
        else:
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part.T), format="fltp", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), begin
        found.append(frame)
    return found
