"""`pipeline.media.lengths`, `pipeline.media.whole`: what is shorter than the file, or the span, says is told."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from helpers.media import tone, write_media
from pipeline.core.errors import ClipError
from pipeline.media.decode import read_audio_blocks, read_frames
from pipeline.media.remark import degraded_by
from pipeline.media.whole import UNTOLD

SECONDS = re.compile(r"(\d+\.\d\d) s")
FILM = [*range(0, 2000, 40)]


def heard(path: Path, start: float | None = None, end: float | None = None) -> list[str]:
    damage: list[str] = []
    list(read_audio_blocks(path, 16000, start, end, damage))
    return degraded_by(damage)


def seen(path: Path, start: float | None = None, end: float | None = None) -> list[str]:
    damage: list[str] = []
    list(read_frames(path, start, end, damage))
    return degraded_by(damage)


def cut(path: Path, share: float = 0.55) -> Path:
    data = path.read_bytes()
    path.write_bytes(data[: round(share * len(data))])
    return path


def noise(seconds: float, rate: int = 16000) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate))).clip(-1, 1).astype(np.float32)


AUDIO = {
    "wav": ("pcm_s16le", {}),
    "w64": ("pcm_s16le", {}),
    "caf": ("pcm_s16be", {}),
    "aiff": ("pcm_s16be", {}),
    "au": ("pcm_s16be", {}),
    "flac": ("flac", {}),
    "mp3": ("libmp3lame", {}),
    "ogg": ("libopus", {}),
    "opus": ("libopus", {}),
    "mka": ("aac", {}),
    "wma": ("pcm_s16le", {}),
}
RATE = {"libopus": 48000, "libmp3lame": 44100}
FILMS = {
    "avi": ("mpeg4", "libmp3lame"),
    "flv": ("flv", "libmp3lame"),
    "mkv": ("libx264", "aac"),
    "webm": ("libvpx", "libopus"),
    "wmv": ("wmv2", "pcm_s16le"),
    "ts": ("libx264", "aac"),
}


def recording(folder: Path, suffix: str) -> Path:
    codec, mux = AUDIO[suffix]
    rate = RATE.get(codec, 16000)
    return write_media(folder / f"a.{suffix}", sound=noise(2, rate), rate=rate, codecs=("", codec), mux=mux)


def film(folder: Path, suffix: str, sound_s: float = 2.0) -> Path:
    video, audio = FILMS[suffix]
    rate = RATE.get(audio, 16000)
    options = {"preset": "ultrafast"} if video == "libx264" else {"deadline": "realtime"} if video == "libvpx" else {}
    return write_media(
        folder / f"a.{suffix}", FILM, noise(sound_s, rate), rate, codecs=(video, audio), options={"g": "10", **options}
    )


@pytest.mark.parametrize("suffix", AUDIO)
def test_a_whole_recording_says_nothing_and_a_cut_one_does(tmp_path, suffix):
    path = recording(tmp_path, suffix)
    assert heard(path) == []
    (first, *_) = heard(cut(path))
    assert first.startswith("decode_error: ")
    assert len(re.findall(r"\d+", first)) >= 2 or "Invalid data" in first


@pytest.mark.parametrize("suffix", ["wav", "w64", "caf", "mp3", "mka"])
def test_both_figures_are_seconds_where_the_file_tells_them(tmp_path, suffix):
    lines = heard(cut(recording(tmp_path, suffix)))
    decoded, declared = map(float, SECONDS.findall(" ".join(lines)))
    assert declared == pytest.approx(2, abs=0.1)
    assert 0.5 < decoded < 1.3


@pytest.mark.parametrize("suffix", FILMS)
def test_a_whole_film_says_nothing_and_a_cut_one_does(tmp_path, suffix):
    path = film(tmp_path, suffix)
    assert (heard(path), seen(path)) == ([], [])
    cut(path)
    for lines in (heard(path), seen(path)):
        assert lines
        assert lines[0].startswith(("decode_error: ", "unequal_length: "))


def test_audio_that_outlasts_the_video(tmp_path):
    path = film(tmp_path, "mkv", sound_s=3.0)
    assert heard(path) == []
    (line,) = seen(path)
    assert line.startswith("unequal_length: the video ends at 2.00 s, the other streams at 3.0")


def test_video_that_outlasts_the_audio(tmp_path):
    path = film(tmp_path, "mkv", sound_s=1.0)
    assert seen(path) == []
    (line,) = heard(path)
    assert line.startswith("unequal_length: the audio ends at 1.")


@pytest.mark.parametrize(("end", "told"), [(9.0, True), (2.05, False), (1.5, False)])
def test_a_span_beyond_the_end(tmp_path, end, told):
    path = film(tmp_path, "mkv")
    for lines, kind in ((heard(path, 0.5, end), "audio"), (seen(path, 0.5, end), "video")):
        assert [re.sub(r"2\.0\d", "2.00", line) for line in lines] == (
            [f"bad_span: it ends at 9.00 s, the {kind} at 2.00 s"] if told else []
        )


def test_a_header_that_declares_less_than_is_there(tmp_path):
    path = film(tmp_path, "mkv")
    data = bytearray(path.read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Matroska: Duration, 8 bytes, ms
    data[at : at + 8] = struct.pack(">d", 1000.0)
    path.write_bytes(data)
    (line,) = heard(path)
    assert line.endswith("1.00 s declared by the file")


@pytest.mark.parametrize("claim", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_that_was_written_to_a_pipe_claims_nothing(tmp_path, claim):
    path = recording(tmp_path, "wav")
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", claim)
    path.write_bytes(data)
    if claim:  # FFmpeg reads nothing of a chunk of no bytes
        assert heard(path) == [UNTOLD]


def test_an_mp3_without_a_count_is_cut_within_a_frame(tmp_path):
    path = tmp_path / "a.mp3"
    write_media(path, sound=noise(2, 44100), rate=44100, codecs=("", "libmp3lame"), mux={"write_xing": "0"})
    assert heard(path) == []
    (line,) = heard(cut(path))
    assert re.search(r"cut, its last frame of \d+ bytes has \d+", line)


def test_tone_of_a_second_is_of_a_second(tmp_path):
    with av.open(str(write_media(tmp_path / "a.wav", sound=tone(1.0)))) as container:
        assert container.duration == 1_000_000
    assert heard(tmp_path / "a.wav") == []


@pytest.mark.parametrize(
    ("codec", "mux"), [("pcm_mulaw", {}), ("adpcm_ima_wav", {}), ("pcm_s16le", {"rf64": "always"})]
)
def test_what_a_wav_declares_is_told_though_it_counts_its_samples(tmp_path, codec, mux):
    path = tmp_path / "a.wav"
    write_media(path, sound=noise(2, 16000), rate=16000, codecs=("", codec), mux=mux)
    assert heard(path) == []
    (line,) = heard(cut(path))
    told = re.fullmatch(r"decode_error: (.*) s of audio decoded, (.*) s declared by the file", line)
    assert float(told[1]) < 1.3
    assert float(told[2]) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("codecs", [("mpeg4", "pcm_s16le"), ("mpeg4", "mp2")])
def test_a_nut_file_without_its_index_is_said_to_lack_some(tmp_path, codecs):
    path = tmp_path / "a.nut"
    write_media(path, [40 * i for i in range(50)], noise(2, 44100), rate=44100, codecs=codecs)
    assert heard(path) == []
    assert heard(cut(path)) == [UNTOLD]


def test_a_matroska_file_that_was_written_to_a_pipe_says_that_some_may_lack(tmp_path):
    path = tmp_path / "a.mkv"
    write_media(path, sound=noise(2, 44100), rate=44100, codecs=("", "flac"), mux={"live": "1"})
    assert heard(path) == heard(cut(path)) == [UNTOLD]


@pytest.mark.parametrize(
    ("name", "part", "words"),
    [
        ("a.mp4", 0.55, r": cut, with \d+ of the \d+ bytes that it declares; download or copy it again$"),
        ("a.mov", 0.9, r": cut, with \d+ of the \d+ bytes that it declares; download or copy it again$"),
        (
            "a.mp4",
            0.0,
            r": without an index \(moov\), as where a recording was not ended; record or download it again$",
        ),
    ],
)
def test_a_film_that_cannot_be_opened_since_some_of_it_lacks_says_so(tmp_path, name, part, words):
    path = write_media(tmp_path / name, [0, 40, 80], noise(0.2, 44100), rate=44100, codecs=("mpeg4", "aac"))
    data = path.read_bytes()
    path.write_bytes(data[: max(data.index(b"mdat") - 4, int(len(data) * part))])
    with pytest.raises(ClipError, match=words) as caught:
        list(read_frames(path))
    assert caught.value.reason == "decode_error"
