"""A corpus folder of two ordinary clips and of everything that cameras, phones, archives and people do to clips.

Faces and voices are those of the demo corpus. `FILES` says how each file is made; its name is the clip's id.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache, partial
from pathlib import Path

import av
import cv2
import numpy as np
from scipy.signal import resample_poly

from helpers.media import add_cover, rotate_metadata
from pipeline.synthetic.clip import draw_person, make_clip
from pipeline.synthetic.mp4 import write_mp4
from pipeline.synthetic.settings import DemoSettings

RATE = 16_000
FRAME = Fraction(1, 25)
MS = Fraction(1, 1000)
PX = 200
"""Height and width of the ordinary pictures; the face's box lies at 54 to 158 px, both ways."""
LARGE_AT = (900, 1700)
"""Top and left of the ordinary picture in the large one, px."""


@cache
def film(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return what one person says in 0.64 s: pictures (16, 200, 200, 3) uint8 and sound (10240,) float32 at 16 kHz."""
    rng = np.random.default_rng(seed)
    person = draw_person("male" if seed % 2 else "female", rng)
    manner = DemoSettings(strength_voice=1, strength_face=1, variation_voice=0.7, variation_face=0.7)
    pictures, utterance = make_clip(person, "neutral", 0.64, manner, rng)
    return np.ascontiguousarray(pictures[:, 36:236, 52:252]), utterance.samples


def write(
    path: Path,
    pictures: np.ndarray | Sequence[np.ndarray] = (),
    sound: np.ndarray | None = None,
    *,
    times: Sequence[int] | None = None,
    time_base: Fraction = FRAME,
    rate: int = RATE,
    begin_s: float = 0,
    video: str = "libx264",
    audio: str = "aac",
    pix_fmt: str = "yuv420p",
    layout: str = "mono",
    options: dict[str, str] | None = None,
    mux: dict[str, str] | None = None,
) -> Path:
    """Write one file; the suffix chooses the container.

    Args:
        path: the file
        pictures: (H, W, 3) uint8 each
        sound: (N,) or (N, channels) float in [-1, 1]
        times: when each picture is shown, in `time_base`; one after the other if not given
        time_base: s
        rate: of the sound, Hz
        begin_s: when the sound begins, s
        video, audio: encoders
        pix_fmt: of the encoded pictures
        layout: of the sound's channels
        options: of the video encoder
        mux: of the container
    """
    with av.open(str(path), "w", options=mux or {}) as container:
        shown = heard = None
        if len(pictures):
            quick = {"preset": "ultrafast", "threads": "1"} if video in ("libx264", "libx265") else {"threads": "1"}
            shown = container.add_stream(video, rate=25, options=quick | (options or {}))
            shown.height, shown.width = pictures[0].shape[:2]
            shown.pix_fmt, shown.time_base, shown.codec_context.time_base = pix_fmt, time_base, time_base
        if sound is not None:
            heard = container.add_stream(audio, rate=rate, layout=layout)
        for index, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index if times is None else times[index], time_base
            container.mux(shown.encode(frame))
        if shown:
            container.mux(shown.encode(None))
        if heard:
            channels = np.asarray(sound, np.float32).reshape(len(sound), -1).T
            for begin in range(0, len(sound), 1024):
                block = np.ascontiguousarray(channels[:, begin : begin + 1024])
                frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                frame.pts = begin + round(begin_s * rate)
                container.mux(heard.encode(frame))
            container.mux(heard.encode(None))
    return path


def talk(path: Path, **changes: object) -> Path:
    """Write the ordinary pictures and sound in an unusual way; see `write`."""
    pictures, sound = film()
    return write(path, **{"pictures": pictures, "sound": sound, **changes})  # type: ignore[arg-type]


def ordinary(path: Path, seed: int = 1) -> Path:
    """Write a clip as the demo corpus has them: MP4, H.264, AAC."""
    write_mp4(path, *film(seed))
    return path


# bytes that are not what the name says


def text(path: Path) -> None:
    path.write_text("This is no film.\n" * 200, encoding="ascii")


def cut(path: Path, begin: float, end: float, source: Callable[[Path], Path] = ordinary) -> None:
    """Take the bytes from `begin` to `end`, shares of the file, out of a clip."""
    raw = source(path).read_bytes()
    path.write_bytes(raw[: round(begin * len(raw))] + raw[round(end * len(raw)) :])


# sound


def at_rate(path: Path, rate: int) -> None:
    sound = resample_poly(film()[1], rate // 8000, RATE // 8000).astype(np.float32)
    talk(path, sound=sound, rate=rate, audio="pcm_s16le")


def six_channels(path: Path) -> None:
    """A voice in the middle, a hum for the feet, quiet echoes around."""
    voice = film()[1]
    hum = 0.05 * np.sin(2 * np.pi * 50 * np.arange(len(voice)) / RATE)
    echo = 0.2 * np.roll(voice, 800)
    talk(path, sound=np.stack([echo, echo, voice, hum, echo, echo], axis=1), layout="5.1")


# pictures


def sized(path: Path, height: int, width: int, **changes: object) -> None:
    pictures = [cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA) for rgb in film()[0]]
    talk(path, pictures=pictures, **changes)


def on_canvas(rgb: np.ndarray, height: int, width: int, top: int = 0, left: int = 0) -> np.ndarray:
    """Put a picture on a grey one; what lies outside of it is cut off."""
    canvas = np.full((height, width, 3), 90, np.uint8)
    rows, columns = np.arange(len(rgb)) + top, np.arange(rgb.shape[1]) + left
    rows_in, columns_in = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    canvas[np.ix_(rows[rows_in], columns[columns_in])] = rgb[rows_in][:, columns_in]
    return canvas


def large(path: Path) -> None:
    talk(path, pictures=[on_canvas(rgb, 2160, 3840, *LARGE_AT) for rgb in film()[0][:2]])


def turned(path: Path) -> None:
    """What a phone held upright writes: pictures that lie on their side, and how to turn them."""
    talk(path, pictures=np.ascontiguousarray(np.rot90(film()[0], 1, axes=(1, 2))))
    rotate_metadata(path)


def crowd(path: Path) -> None:
    """Five faces, that in the middle one and a half times as large."""
    pictures = []
    for rgb, other in zip(film()[0][:8], film(2)[0][:8], strict=True):
        canvas = on_canvas(cv2.resize(rgb, (300, 300)), 400, 700, 100, 200)
        for left in (0, 500):
            for top in (0, 200):
                canvas[top : top + 200, left : left + 200] = other
        pictures.append(canvas)
    talk(path, pictures=pictures)


def no_face(path: Path) -> None:
    """Curtains that move."""
    columns = np.arange(PX)
    pictures = [
        np.zeros((PX, PX, 3), np.uint8) + (120 + 60 * np.sin((columns + 3 * i) / 7)).astype(np.uint8)[:, None]
        for i in range(16)
    ]
    talk(path, pictures=pictures)


def half_face(path: Path, share: float) -> None:
    """The picture ends in the face; `share` of its box lies within."""
    left = round(158 - 104 * share)
    talk(path, pictures=[on_canvas(rgb[:, left:], PX, PX) for rgb in film()[0]])


def leaves_and_returns(path: Path) -> None:
    """A face that is there for 0.28 s, slides out, is away, and comes back for 0.28 s."""
    shift = [0] * 7 + [60, 120, 180] + [200] * 5 + [180, 120, 60] + [0] * 7
    pictures = film()[0]
    talk(path, pictures=[on_canvas(pictures[i % 16], PX, PX, 0, dx) for i, dx in enumerate(shift)])


# timestamps


def restamped(path: Path, shift_ms: int) -> None:
    """Add to the timestamps of the second half of an FLV (Adobe FLV 10.1, E.4.1), pictures and sound alike."""
    talk(path, time_base=MS, times=range(0, 640, 40))
    data = bytearray(path.read_bytes())
    at = 9 + 4
    while at < len(data):
        kind, size = data[at], int.from_bytes(data[at + 1 : at + 4], "big")
        time = data[at + 7] << 24 | int.from_bytes(data[at + 4 : at + 7], "big")
        if kind in (8, 9) and time >= 320:
            time += shift_ms
            data[at + 4 : at + 7], data[at + 7] = (time & 0xFFFFFF).to_bytes(3, "big"), time >> 24
        at += 11 + size + 4
    path.write_bytes(data)


LONG = "long_" + "x" * 191
UNICODE = "Überraschung 表情 клип"

FILES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "ordinary_1": ("ordinary_1.mp4", ordinary),
    "ordinary_2": ("ordinary_2.mp4", partial(ordinary, seed=2)),
    "zero_bytes": ("zero_bytes.mp4", Path.touch),
    "zero_bytes_too": ("zero_bytes_too.mp4", Path.touch),
    "cut_head": ("cut_head.mp4", partial(cut, begin=0, end=0.1)),
    "cut_head_stream": ("cut_head.ts", partial(cut, begin=0, end=0.1, source=talk)),
    "cut_middle": ("cut_middle.mkv", partial(cut, begin=0.7, end=0.75, source=talk)),
    "cut_middle_flv": ("cut_middle.flv", partial(cut, begin=0.4, end=0.5, source=talk)),
    "cut_tail": ("cut_tail.mp4", partial(cut, begin=0.8, end=1)),
    "cut_tail_index": ("cut_tail_index.mp4", partial(cut, begin=0.8, end=1, source=talk)),
    "text": ("text.mp4", text),
    "folder": ("folder.mp4", Path.mkdir),
    "no_audio": ("no_audio.mp4", partial(talk, sound=None)),
    "no_video": ("no_video.mp4", partial(talk, pictures=())),
    "cover_art": ("cover_art.mp4", lambda path: add_cover(path, film()[1])),
    "one_frame": ("one_frame.mp4", lambda path: talk(path, pictures=film()[0][:1])),
    "three_frames": ("three_frames.mp4", lambda path: talk(path, pictures=film()[0][:3])),
    "sound_of_5_ms": ("sound_of_5_ms.mkv", lambda path: talk(path, sound=film()[1][4000:4080], audio="pcm_s16le")),
    "sound_of_60_ms": ("sound_of_60_ms.mkv", lambda path: talk(path, sound=film()[1][4000:4960], audio="pcm_s16le")),
    "silence": ("silence.mp4", partial(talk, sound=np.zeros(10240))),
    "clipping": ("clipping.mp4", lambda path: talk(path, sound=np.clip(20 * film()[1], -1, 1))),
    "sound_8_khz": ("sound_8_khz.mkv", partial(at_rate, rate=8_000)),
    "sound_96_khz": ("sound_96_khz.mkv", partial(at_rate, rate=96_000)),
    "six_channels": ("six_channels.mp4", six_channels),
    "variable_rate": (
        "variable_rate.mkv",
        lambda path: talk(path, time_base=MS, times=np.cumsum([40, 17, 60, 33] * 4).tolist()),
    ),
    "rotated": ("rotated.mp4", turned),
    "odd_size": ("odd_size.webm", partial(sized, height=195, width=189, video="libvpx-vp9", audio="libopus")),
    "odd_and_small": ("odd_and_small.mkv", partial(sized, height=75, width=97, video="mpeg4")),
    "one_pixel": ("one_pixel.mkv", partial(sized, height=1, width=1, video="ffv1", pix_fmt="yuv420p")),
    "large_4k": ("large_4k.mp4", large),
    "ten_bit": (
        "ten_bit.mp4",
        partial(talk, video="libx265", pix_fmt="yuv420p10le", options={"x265-params": "log-level=none:pools=1"}),
    ),
    "mpeg4_avi": ("mpeg4.avi", partial(talk, video="mpeg4", audio="libmp3lame", options={"bf": "2"})),
    "vp9_opus_webm": (
        "vp9_opus.webm",
        partial(talk, video="libvpx-vp9", audio="libopus", options={"deadline": "realtime", "cpu-used": "8"}),
    ),
    "h264_flac_mkv": ("h264_flac.mkv", partial(talk, audio="flac")),
    "flv_mp3": (
        "flv_mp3.flv",
        lambda path: talk(path, video="flv", audio="libmp3lame", rate=44_100, sound=resample_poly(film()[1], 441, 160)),
    ),
    "no_timestamps": ("no_timestamps.h264", partial(talk, sound=None)),
    "timestamps_back": ("timestamps_back.flv", partial(restamped, shift_ms=-300)),
    "timestamps_jump": ("timestamps_jump.flv", partial(restamped, shift_ms=3 * 3_600_000)),
    "late_sound": ("late_sound.mkv", partial(talk, begin_s=0.3)),
    "name with spaces": ("name  with spaces .mp4", ordinary),
    UNICODE: (unicodedata.normalize("NFD", UNICODE) + " 😀.mp4", ordinary),
    LONG: (LONG + ".mp4", ordinary),
    "link_in": ("link_in.mp4", lambda path: path.symlink_to("ordinary_1.mp4")),
    "link_out": ("link_out.mp4", lambda path: path.symlink_to(ordinary(path.parents[1] / "elsewhere.mp4"))),
    "link_dangling": ("link_dangling.mp4", lambda path: path.symlink_to("nowhere.mp4")),
    "link_loop": ("link_loop.mp4", lambda path: path.symlink_to("link_loop.mp4")),
    "many_faces": ("many_faces.mp4", crowd),
    "no_face": ("no_face.mp4", no_face),
    "half_a_face": ("half_a_face.mp4", partial(half_face, share=0.5)),
    "most_of_a_face": ("most_of_a_face.mp4", partial(half_face, share=0.85)),
    "leaves_and_returns": ("leaves_and_returns.mp4", leaves_and_returns),
}
"""Clip id -> (file name, what makes it)."""

ORDINARY = ("ordinary_1", "ordinary_2")


def write_corpus(folder: Path, names: Sequence[str]) -> None:
    """Make some of `FILES` and a manifest.csv of them."""
    folder.mkdir(parents=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["clip_id", "path", "speaker", "emotion"])
        for clip_id in names:
            name, make = FILES[clip_id]
            make(folder / name)
            writer.writerow([clip_id, name, f"speaker of {clip_id}"[:50], "neutral"])
