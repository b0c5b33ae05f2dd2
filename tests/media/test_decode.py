"""`pipeline.media.decode`: samples and frames are those that were written, in time; damage has its reason."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from time import process_time

import numpy as np
import pytest
import soundfile

from helpers.media import SIZE, add_cover, gray, rotate_metadata, tone, write_media
from pipeline.core.errors import ClipError
from pipeline.media import decode as media
from pipeline.media.decode import read_audio, read_audio_blocks, read_frames

REGULAR = range(0, 1000, 40)
LONG = {"preset": "medium", "g": "30", "bf": "3"}


def reason(function, *arguments) -> str:
    """Return the reason of the ClipError that a reading ends in; its text must not name a folder."""
    with pytest.raises(ClipError) as caught:
        list(function(*arguments))
    assert str(arguments[0].parent) not in str(caught.value)
    return caught.value.reason


def levels(frames) -> list[int]:
    """Return the gray level at the lower right of each frame."""
    return [int(rgb[-8, -8].mean()) for _, rgb in frames]


def frequency(sound: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return np.argmax(spectrum) * rate / len(sound)


# pictures


def test_frames_have_the_pictures_and_times_that_were_written(tmp_path):
    frames = list(read_frames(write_media(tmp_path / "a.mp4", REGULAR)))
    assert np.allclose([time for time, _ in frames], np.array(REGULAR) / 1000)
    assert np.abs(np.array(levels(frames)) - [gray(i) for i in range(25)]).max() <= 4
    rgb = frames[0][1]
    assert rgb.shape == (*SIZE, 3)
    assert rgb.dtype == np.uint8
    assert rgb.flags.c_contiguous
    assert np.abs(rgb[4, 4].astype(int) - (200, 0, 0)).max() <= 6


def test_variable_frame_rate_keeps_its_timestamps(tmp_path):
    times = [0, 17, 40, 300, 333, 900]
    frames = list(read_frames(write_media(tmp_path / "vfr.mkv", times)))
    assert np.allclose([time for time, _ in frames], np.array(times) / 1000)
    assert np.abs(np.array(levels(frames)) - [gray(i) for i in range(6)]).max() <= 4


def test_rotation_metadata_turns_the_picture(tmp_path):
    path = write_media(tmp_path / "phone.mp4", REGULAR)
    rotate_metadata(path)
    _, rgb = next(iter(read_frames(path)))
    assert rgb.shape == (SIZE[1], SIZE[0], 3)
    assert rgb[4, -4, 0] > 150  # a quarter clockwise: red goes from the top left to the top right
    assert rgb[4, 4, 0] < 60


def test_frames_are_decoded_one_at_a_time(tmp_path):
    frames = read_frames(write_media(tmp_path / "a.mkv", REGULAR))
    assert next(frames)[0] == 0
    frames.close()


@pytest.mark.parametrize(
    ("start", "end", "indices"), [(0.2, 0.4, range(5, 10)), (0.21, None, range(6, 25)), (None, 0.1, range(3))]
)
def test_span_of_frames(tmp_path, start, end, indices):
    frames = list(read_frames(write_media(tmp_path / "a.mkv", REGULAR), start, end))
    assert np.allclose([time for time, _ in frames], [i * 0.04 - (start or 0) for i in indices], atol=1e-6)
    assert np.abs(np.array(levels(frames)) - [gray(i) for i in indices]).max() <= 4


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv"])
def test_a_late_span_gives_what_the_whole_file_gives(tmp_path, suffix):
    path = write_media(tmp_path / f"long{suffix}", range(0, 9000, 40), options=LONG)
    part = list(read_frames(path, 7.04, 7.44))
    whole = [(time, rgb) for time, rgb in read_frames(path) if 7.0399 < time < 7.4399]
    assert len(part) == 10
    for (time, rgb), (expected, same) in zip(part, whole, strict=True):
        assert time == pytest.approx(expected - 7.04)
        assert np.array_equal(rgb, same)


# sound


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050])
def test_resampling_keeps_length_tone_and_level(tmp_path, rate_hz):
    sound = read_audio(write_media(tmp_path / "a.wav", sound=tone(1.0, 44100), rate=44100), rate_hz)
    assert sound.dtype == np.float32
    assert abs(len(sound) - rate_hz) <= 1
    assert frequency(sound, rate_hz) == pytest.approx(440, abs=1)
    assert np.abs(sound[200:-200]).max() == pytest.approx(0.5, abs=0.005)


def test_sound_at_its_own_rate_is_unchanged(tmp_path):
    sound = read_audio(write_media(tmp_path / "a.wav", sound=tone(0.5)), 16000)
    assert np.abs(sound - tone(0.5)).max() <= 1 / 32767


def test_channels_are_averaged_and_stay_in_range(tmp_path):
    both = np.stack([np.full(16000, 0.9), np.full(16000, 0.7)], axis=1)
    sound = read_audio(write_media(tmp_path / "stereo.wav", sound=both), 16000)
    assert np.allclose(sound, 0.8, atol=1e-3)


def test_what_resampling_adds_to_full_scale_is_not_cut(tmp_path):
    square = np.sign(tone(0.5, 16000, 300) + 1e-9)
    sound = read_audio(write_media(tmp_path / "square.wav", sound=square), 22050)
    assert 1.05 < np.abs(sound).max() < 1.5


def test_late_sound_is_padded_so_that_both_streams_share_time_zero(tmp_path):
    path = write_media(tmp_path / "late.mkv", REGULAR, tone(0.5), sound_ms=300)
    sound = read_audio(path, 16000)
    assert len(sound) == 12800
    assert not sound[:4800].any()
    assert np.abs(sound[4800:] - tone(0.5)).max() < 1e-3
    assert next(iter(read_frames(path)))[0] == 0


def test_late_pictures_leave_the_sound_at_zero(tmp_path):
    path = write_media(tmp_path / "late.mkv", range(200, 600, 40), tone(0.5))
    assert np.abs(read_audio(path, 16000) - tone(0.5)).max() < 1e-3
    assert next(iter(read_frames(path)))[0] == pytest.approx(0.2)


def test_a_file_whose_clock_does_not_begin_at_zero(tmp_path):
    path = write_media(
        tmp_path / "offset.ts", range(5000, 6000, 40), tone(1.0), sound_ms=5000, codecs=("libx264", "aac")
    )
    times = [time for time, _ in read_frames(path)]
    assert 0 <= times[0] < 0.1  # AAC begins one block earlier
    assert np.allclose(np.diff(times), 0.04)
    assert abs(len(read_audio(path, 16000)) - 16000) < 2500


@pytest.mark.parametrize(("start", "end"), [(0.25, 0.75), (0.0, 0.3), (0.6, None), (0.123, 0.456), (0.5, 9.0)])
def test_span_of_sound_is_a_slice_of_the_whole(tmp_path, start, end):
    path = write_media(tmp_path / "a.mkv", sound=tone(1.0, 44100), rate=44100, sound_ms=100)
    whole, part = read_audio(path, 16000), read_audio(path, 16000, start, end)
    last = None if end is None else round(end * 16000)
    assert np.array_equal(part, whole[round(start * 16000) : last])


@pytest.fixture
def short_blocks(monkeypatch):
    monkeypatch.setattr(media, "BLOCK_S", 0.3)


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize(
    ("span", "lengths"), [((), [4800] * 3 + [1600]), ((0.05, 0.65), [4800, 4800]), ((0.5, None), [4800, 3200])]
)
def test_blocks_together_are_the_sound(tmp_path, monkeypatch, span, lengths):
    path = write_media(tmp_path / "a.mkv", sound=tone(1.0, 44100), rate=44100)
    blocks = list(read_audio_blocks(path, 16000, *span))
    assert [len(block) for block in blocks] == lengths
    monkeypatch.setattr(media, "BLOCK_S", 30.0)
    assert np.array_equal(np.concatenate(blocks), read_audio(path, 16000, *span))


@pytest.mark.usefixtures("short_blocks")
def test_a_block_is_decoded_when_it_is_asked_for(tmp_path, monkeypatch):
    path = write_media(tmp_path / "a.wav", sound=tone(20.0))
    opened: list[int] = []
    resample = media.AudioTimeline.add
    monkeypatch.setattr(
        media.AudioTimeline, "add", lambda axis, frame, time: opened.append(1) or resample(axis, frame, time)
    )
    blocks = read_audio_blocks(path, 16000)
    assert opened == []
    next(blocks)
    first = len(opened)
    assert sum(map(len, blocks)) == 20 * 16000 - 4800
    assert first < len(opened) / 20


@pytest.mark.usefixtures("short_blocks")
@pytest.mark.parametrize(
    ("sound", "span", "expected"),
    [
        pytest.param(np.zeros(16000), (), "silent", id="silence throughout"),
        pytest.param(tone(1.0), (30.0,), "bad_span", id="after the end"),
        pytest.param(tone(0.01), (), "too_short", id="10 ms"),
        pytest.param(tone(1.0), (0.3, 0.3), "bad_span", id="nothing"),
    ],
)
def test_what_is_known_at_the_end_is_raised_there(tmp_path, sound, span, expected):
    assert reason(read_audio_blocks, write_media(tmp_path / "a.wav", sound=sound), 16000, *span) == expected


@pytest.mark.usefixtures("short_blocks")
def test_sound_after_a_silent_block_is_no_silence(tmp_path):
    path = write_media(tmp_path / "a.wav", sound=np.concatenate([np.zeros(16000), tone(0.5)]))
    assert len(list(read_audio_blocks(path, 16000))) == 5


# damage


def test_missing_file_folder_and_empty_file(tmp_path):
    (tmp_path / "empty.mp4").touch()
    for function, extra in ((read_audio, (16000,)), (read_frames, ())):
        assert reason(function, tmp_path / "none.mp4", *extra) == "missing_file"
        (tmp_path / "folder.mp4").mkdir(exist_ok=True)
        assert reason(function, tmp_path / "folder.mp4", *extra) == "missing_file"
        assert reason(function, tmp_path / "empty.mp4", *extra) == "not_media"


def test_text_named_mp4(tmp_path):
    path = tmp_path / "text.mp4"
    path.write_text("this is no film\n" * 200)
    assert reason(read_audio, path, 16000) == "not_media"
    assert reason(read_frames, path) == "not_media"


def test_no_audio_and_no_video(tmp_path):
    assert reason(read_audio, write_media(tmp_path / "mute.mp4", REGULAR), 16000) == "no_audio"
    assert reason(read_frames, write_media(tmp_path / "blind.wav", sound=tone(0.5))) == "no_video"


def test_cover_art_is_no_video(tmp_path):
    path = add_cover(tmp_path / "song.mp4", tone(0.5))
    assert reason(read_frames, path) == "no_video"
    assert len(read_audio(path, 16000)) >= 8000


def test_too_short_and_silent(tmp_path):
    assert reason(read_audio, write_media(tmp_path / "click.wav", sound=tone(0.01)), 16000) == "too_short"
    assert reason(read_audio, write_media(tmp_path / "zero.wav", sound=np.zeros(16000)), 16000) == "silent"
    late = write_media(tmp_path / "late.mkv", REGULAR, tone(0.5), sound_ms=400)
    assert reason(read_audio, late, 16000, 0.0, 0.3) == "silent"


@pytest.mark.parametrize(
    "span", [(-1.0, None), (0.5, 0.5), (0.6, 0.2), (float("nan"), None), (None, float("nan")), (30.0, None)]
)
def test_bad_spans(tmp_path, span):
    path = write_media(tmp_path / "a.mkv", REGULAR, tone(1.0))
    assert reason(read_audio, path, 16000, *span) == "bad_span"
    assert reason(read_frames, path, *span) == "bad_span"


def test_truncated_file_gives_its_beginning(tmp_path):
    path = write_media(tmp_path / "cut.mkv", REGULAR, tone(1.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    frames = list(read_frames(path))
    assert 3 <= len(frames) < 25
    assert 1000 < len(read_audio(path, 16000)) < 16000


def test_mp4_without_its_index_is_a_decode_error(tmp_path):
    path = write_media(tmp_path / "cut.mp4", REGULAR)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert reason(read_frames, path) == "decode_error"


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".flv", ".avi", ".ts"])
def test_random_damage_is_survived_in_silence(tmp_path, capfd, suffix):
    codecs = ("mpeg4" if suffix == ".avi" else "libx264", "aac")
    path = write_media(tmp_path / f"whole{suffix}", REGULAR, tone(0.5), codecs=codecs)
    whole = path.read_bytes()
    for seed in range(20):
        random = np.random.default_rng(seed)
        data = np.frombuffer(whole[: random.integers(1, len(whole) + 1)], np.uint8).copy()
        data[random.integers(0, len(data), 1 + len(data) // 300)] = random.integers(0, 256)
        path.write_bytes(data.tobytes())
        for function, extra in ((read_audio, (16000,)), (read_frames, ())):
            with contextlib.suppress(ClipError):
                assert len(list(function(path, *extra))) < 16000 * 700
    assert capfd.readouterr() == ("", "")


def test_noise_in_the_middle_is_skipped_and_stays_quiet(tmp_path, capfd):
    path = write_media(
        tmp_path / "noise.mp4", REGULAR, tone(1.0), codecs=("libx264", "aac"), mux={"movflags": "faststart"}
    )
    data = bytearray(path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 1500] = np.random.default_rng(0).bytes(1500)
    path.write_bytes(data)
    assert len(list(read_frames(path))) >= 5
    assert 14000 < len(read_audio(path, 16000)) < 17000
    assert capfd.readouterr() == ("", "")


def test_playlists_lead_nowhere(tmp_path):
    write_media(tmp_path / "real.mp4", REGULAR)
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nreal.mp4\n#EXT-X-ENDLIST\n")
    assert reason(read_frames, path) == "not_media"
    path.write_text(f"ffconcat version 1.0\nfile '{tmp_path / 'real.mp4'}'\n")
    assert reason(read_frames, path) == "not_media"
    path.write_bytes(b"\0#EXTM3U\n#EXTINF:3,\nreal.mp4\n")
    assert reason(read_frames, path) == "decode_error"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such file names")
def test_a_name_that_looks_like_a_protocol_is_a_name(tmp_path, monkeypatch):
    write_media(tmp_path / "a.mp4", REGULAR).rename(tmp_path / "concat:a.mp4")
    monkeypatch.chdir(tmp_path)
    assert len(list(read_frames(Path("concat:a.mp4")))) == 25


def test_reading_twice_gives_equal_arrays(tmp_path):
    path = write_media(tmp_path / "a.mp4", REGULAR, tone(1.0), codecs=("libx264", "aac"))
    assert np.array_equal(read_audio(path, 16000), read_audio(path, 16000))
    for (time, rgb), (again, same) in zip(read_frames(path), read_frames(path), strict=True):
        assert time == again
        assert np.array_equal(rgb, same)


def noise_file(path: Path, subtype: str, channels: int) -> np.ndarray:
    noise = 0.1 * np.random.default_rng(0).standard_normal((10 * 48000, channels))
    soundfile.write(path, noise, 48000, subtype=subtype)
    return noise.mean(axis=1)


@pytest.mark.parametrize(("subtype", "channels"), [("PCM_16", 1), ("PCM_16", 2), ("PCM_24", 1), ("FLOAT", 2)])
def test_a_wav_that_is_not_searched_for_other_codecs_has_the_same_samples(tmp_path, monkeypatch, subtype, channels):
    noise = noise_file(tmp_path / "a.wav", subtype, channels)
    found = read_audio(tmp_path / "a.wav", 48000)
    monkeypatch.setattr(media, "_WAVE", {}, raising=False)
    np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", 48000), found)
    np.testing.assert_allclose(found, noise, atol=1e-4)


def test_opening_a_wav_takes_less_than_decoding_it(tmp_path, monkeypatch):
    """FFmpeg would search its samples for other codecs: some twenty times as long as it takes to open it."""
    noise_file(tmp_path / "a.wav", "PCM_16", 2)

    def took() -> float:
        begin = process_time()
        with media.opened(tmp_path / "a.wav"):
            return process_time() - begin

    now = min(took() for _ in range(5))
    monkeypatch.setattr(media, "_WAVE", {}, raising=False)
    assert now < min(took() for _ in range(5)) / 3
