"""Small media files whose content is known, written with PyAV."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from pipeline.media.frame import VideoFrame

SIZE = (48, 64)
"""Height and width of the pictures, px."""

MS = Fraction(1, 1000)


def gray(index: int) -> int:
    """Return the gray level that frame `index` is filled with."""
    return 20 + 10 * (index % 20)


def tone(seconds: float, rate: int = 16000, hz: float = 440.0) -> np.ndarray:
    """Return a sine of amplitude 0.5, (N,) float32."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def picture(index: int) -> np.ndarray:
    """Return frame `index`: one gray level, with a red quarter at the top left."""
    height, width = SIZE
    rgb = np.full((height, width, 3), gray(index), np.uint8)
    rgb[: height // 2, : width // 2] = (200, 0, 0)
    return rgb


def drawn(rgb: np.ndarray) -> VideoFrame:
    """Return a picture (H, W, 3) uint8 as a frame of a video."""
    return VideoFrame(av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24"))


def write_media(
    path: Path,
    times_ms: Sequence[int] = (),
    sound: np.ndarray | None = None,
    rate: int = 16000,
    sound_ms: int = 0,
    codecs: tuple[str, str] = ("libx264", "pcm_s16le"),
    options: dict[str, str] | None = None,
    mux: dict[str, str] | None = None,
    pictures: Sequence[np.ndarray] | None = None,
) -> Path:
    """Write one file.

    Args:
        path: the suffix chooses the container
        times_ms: timestamps of the frames, ms; frame i is `picture(i)`
        sound: (N,) or (N, channels), or None
        rate: of the sound, Hz
        sound_ms: when the sound begins, ms
        codecs: for pictures and sound
        options: of the video encoder
        mux: options of the container
        pictures: the frames, (H, W, 3) uint8, in the place of `picture`
    """
    shown = [picture(index) for index in range(len(times_ms))] if pictures is None else pictures
    with av.open(str(path), "w", options=mux or {}) as container:
        video = audio = None
        if times_ms:
            video = container.add_stream(codecs[0], rate=25, options=options or {"crf": "1", "preset": "ultrafast"})
            video.height, video.width = shown[0].shape[:2]
            video.pix_fmt, video.time_base, video.codec_context.time_base = "yuv420p", MS, MS
        if sound is not None:
            layout = "mono" if sound.ndim == 1 else "stereo"
            audio = container.add_stream(codecs[1], rate=rate, layout=layout)
        if video:
            container.mux(_video_packets(video, times_ms, shown))
        if audio:
            container.mux(_sound_packets(audio, sound, rate, sound_ms))
    return path


def _video_packets(stream, times_ms: Sequence[int], pictures: Sequence[np.ndarray]) -> Iterable[av.Packet]:
    for rgb, time in zip(pictures, times_ms, strict=True):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
        frame.pts, frame.time_base = time, MS
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _sound_packets(stream, sound: np.ndarray, rate: int, begin_ms: int) -> Iterable[av.Packet]:
    channels = sound.reshape(len(sound), -1)
    whole = (np.clip(channels, -1, 1) * 32767).round().astype(np.int16)
    for begin in range(0, len(whole), 1024):
        part = np.ascontiguousarray(whole[begin : begin + 1024]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="mono" if channels.shape[1] == 1 else "stereo")
        frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
        frame.pts = begin + begin_ms * rate // 1000
        yield from stream.encode(frame)
    yield from stream.encode(None)


def join_streams(path: Path, parts: Sequence[Path], default: int) -> Path:
    """Write a file with the first stream of every part, in their order; that of one part is marked as the default."""
    with av.open(str(path), "w") as out, ExitStack() as files:
        read = [files.enter_context(av.open(str(part))).streams[0] for part in parts]
        written = [out.add_stream_from_template(stream) for stream in read]
        for number, stream in enumerate(written):
            stream.disposition = Disposition.default if number == default else Disposition(0)
        for one, stream in zip(read, written, strict=True):
            for packet in one.container.demux(one):
                if packet.dts is not None:
                    packet.stream = stream
                    out.mux(packet)
    return path


def rotate_metadata(path: Path) -> None:
    """Say in an MP4 that its picture has to be turned a quarter clockwise, as a phone held upright does."""
    display_matrix(path, (0, 1, -1, 0))


def display_matrix(path: Path, matrix: Sequence[float]) -> None:
    """Write a, b, c, d of the display matrix of an MP4's only picture: x' = a x + c y, y' = b x + d y."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # ISO/IEC 14496-12, 8.3.2, version 0
    a, b, c, d = (round(number * (1 << 16)) for number in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, SIZE[0] << 16, 0, 1 << 30)
    path.write_bytes(data)


def add_cover(path: Path, sound: np.ndarray, rate: int = 16000) -> Path:
    """Write a sound file whose only picture is its cover art."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=rate, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = *SIZE, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(picture(0), format="rgb24")
        frame.pts = 0
        container.mux([*cover.encode(frame), *cover.encode(None)])
        container.mux(_sound_packets(audio, sound, rate, 0))
    return path
