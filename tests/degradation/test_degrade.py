"""`degrade`: noise, blur and lost frames as asked for, nothing else, equal bytes, every clip accounted for."""

from __future__ import annotations

import csv
import os
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from helpers import warm
from helpers.media import add_cover, join_streams, rotate_metadata, tone, write_media
from helpers.project import ROOT
from pipeline.core.clip import Clip, read_manifest, write_manifest
from pipeline.core.errors import CorpusError, SettingsError
from pipeline.core.ledger import read_ledger
from pipeline.core.settings import parse
from pipeline.corpora import manifest_csv
from pipeline.degradation import job
from pipeline.degradation.effects import DegradeParams, blurred, generator, kept_frames, mean_power, with_noise
from pipeline.degradation.job import Worse, worse_clips
from pipeline.degradation.writer import check_worse_ids, write_folder, write_lossless
from pipeline.media.decode import read_audio, read_frames
from pipeline.pretraining.settings import MARK, is_generated

TIMES = [0, 40, 90, 130, 200, 333, 400, 481, 520, 560]
RATE = 22050
PICTURES = [
    np.random.default_rng(n).integers(0, 256, (12, 16, 3), np.uint8).repeat(4, 0).repeat(4, 1)
    for n in range(len(TIMES))
]


def speech(seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    """Return a tone of changing loudness, (N,) float32."""
    sound = tone(seconds, rate)
    return sound * np.linspace(0.1, 1, len(sound), dtype=np.float32)


def worse(tmp_path: Path, clip: Clip, **ways) -> Path:
    """Degrade one clip and return its file."""
    entry, name = Worse(tmp_path, tmp_path / "out", DegradeParams(corpus="x", **ways), "degrade:x")(clip)
    lasts_longer = clip.path.endswith(".mkv") and clip.end is None  # the audio of these outlasts their video
    assert (entry.status, entry.reason) == (("degraded", "unequal_length") if lasts_longer else ("ok", "")), entry
    return tmp_path / "out" / name


@pytest.fixture
def clip(tmp_path) -> Clip:
    write_media(tmp_path / "a.mkv", TIMES, speech(), RATE, pictures=PICTURES)
    return Clip("a", "a.mkv", "s", "happy")


def frames(path: Path, *span):
    found = list(read_frames(path, *span))
    return [time for time, _ in found], [picture for _, picture in found]


def same_pictures(one, other) -> bool:
    return len(one) == len(other) and all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("snr_db", [-5, 0, 10, 30])
def test_noise_has_the_power_that_was_asked_for(tmp_path, clip, snr_db):
    path = worse(tmp_path, clip, snr_db=snr_db)
    if snr_db < 0:  # louder than 16 bits hold: cut off, so the file is not measured
        sound, rng = speech().astype(float), np.random.default_rng(0)
        noise = np.concatenate(list(with_noise([sound], mean_power([sound]), snr_db, rng))) - sound
    else:
        sound = read_audio(tmp_path / "a.mkv", RATE).astype(float)
        noise = read_audio(path, RATE) - sound
    assert abs(10 * np.log10(np.mean(sound**2) / np.mean(noise**2)) - snr_db) < 0.3
    assert abs(np.corrcoef(noise[:-1], noise[1:])[0, 1]) < 0.05, "white"
    assert abs(np.corrcoef(noise, sound)[0, 1]) < 0.05


def test_noise_alone_leaves_the_pictures(tmp_path, clip):
    path = worse(tmp_path, clip, snr_db=10)
    (times, pictures), (before, originals) = frames(path), frames(tmp_path / "a.mkv")
    np.testing.assert_allclose(times, before, atol=1e-9)
    assert same_pictures(pictures, originals)


@pytest.mark.parametrize("ways", [{"blur_px": 1.5}, {"drop_frames": 0.4}])
def test_what_is_done_to_pictures_leaves_the_sound(tmp_path, clip, ways):
    path = worse(tmp_path, clip, **ways)
    sound = read_audio(path, RATE)
    assert len(sound) == RATE
    np.testing.assert_allclose(sound, read_audio(tmp_path / "a.mkv", RATE), atol=1 / 32768)


@pytest.mark.parametrize("sigma", [0.7, 2.0, 5.0])
def test_blur_is_a_gaussian_of_that_many_pixels(tmp_path, clip, sigma):
    from skimage.filters import gaussian

    _, originals = frames(tmp_path / "a.mkv")
    _, pictures = frames(worse(tmp_path, clip, blur_px=sigma))
    assert len(pictures) == len(originals)
    for before, after in zip(originals, pictures, strict=True):
        np.testing.assert_allclose(after.astype(int), cv2.GaussianBlur(before, (0, 0), sigma), atol=1)
        exact = 255 * gaussian(before, sigma, mode="mirror", truncate=6, channel_axis=2)
        assert np.abs(after - exact).max() < 1.6  # to rounding, and OpenCV's Gaussian ends at three sigma


@pytest.mark.parametrize("share", [0.1, 0.3, 0.55, 0.95])
def test_frames_are_lost_and_the_others_keep_their_times(tmp_path, clip, share):
    before, originals = frames(tmp_path / "a.mkv")
    times, pictures = frames(worse(tmp_path, clip, drop_frames=share))
    assert len(times) == len(before) - min(round(share * len(before)), len(before) - 1)
    assert times[0] == before[0]
    kept = [int(np.argmin(np.abs(np.array(before) - time))) for time in times]
    np.testing.assert_allclose(times, np.array(before)[kept], atol=1e-9)
    assert same_pictures(pictures, [originals[i] for i in kept])


@given(st.integers(1, 400), st.floats(0.001, 0.999), st.integers(0, 99))
def test_the_first_frame_always_stays(count, share, seed):
    kept = kept_frames(count, share, np.random.default_rng(seed))
    assert kept[0]
    assert (~kept).sum() == min(round(share * count), count - 1)


def test_ways_go_together_and_each_clip_draws_for_itself(tmp_path, clip):
    both = worse(tmp_path, clip, snr_db=10, drop_frames=0.5)
    times, sound = frames(both)[0], read_audio(both, RATE)
    assert frames(worse(tmp_path, clip, drop_frames=0.5))[0] == times
    np.testing.assert_array_equal(read_audio(worse(tmp_path, clip, snr_db=10), RATE), sound)
    other = worse(tmp_path, Clip("b", "a.mkv", "s", "happy"), snr_db=10, drop_frames=0.5)
    assert not np.array_equal(read_audio(other, RATE), sound)
    again = worse(tmp_path, clip, snr_db=10, drop_frames=0.5, seed=1)
    assert not np.array_equal(read_audio(again, RATE), sound)


def test_a_clip_is_its_own_span(tmp_path, clip):
    part = Clip("part", "a.mkv", "s", "happy", start=0.1, end=0.5)
    path = worse(tmp_path, part, blur_px=0.1)
    times, pictures = frames(path)
    before, originals = frames(tmp_path / "a.mkv", 0.1, 0.5)
    np.testing.assert_allclose(times, before, atol=6e-4)
    assert same_pictures(pictures, originals)
    np.testing.assert_allclose(read_audio(path, RATE), read_audio(tmp_path / "a.mkv", RATE, 0.1, 0.5), atol=1 / 32768)
    noisy = read_audio(worse(tmp_path, part, snr_db=20), RATE) - read_audio(tmp_path / "a.mkv", RATE, 0.1, 0.5)
    power = np.mean(read_audio(tmp_path / "a.mkv", RATE, 0.1, 0.5).astype(float) ** 2)
    assert abs(10 * np.log10(power / np.mean(noisy.astype(float) ** 2)) - 20) < 0.3, "of the span, not of the file"


def test_sound_that_begins_late_stays_late(tmp_path):
    write_media(tmp_path / "late.mkv", TIMES, tone(0.5), 16000, sound_ms=300)
    path = worse(tmp_path, Clip("late", "late.mkv", "s", "happy"), blur_px=1)
    sound = read_audio(path, 16000)
    np.testing.assert_allclose(sound, read_audio(tmp_path / "late.mkv", 16000), atol=1 / 32768)
    assert not sound[:4700].any()
    np.testing.assert_allclose(frames(path)[0], frames(tmp_path / "late.mkv")[0], atol=1e-9)


def test_sound_alone_becomes_a_wav_file(tmp_path):
    write_media(tmp_path / "a.wav", (), speech(), RATE)
    path = worse(tmp_path, Clip("a", "a.wav", "s", "happy"), snr_db=20, blur_px=2, drop_frames=0.5)
    assert path.name == "a.wav"
    sound = read_audio(tmp_path / "a.wav", RATE)
    noise = read_audio(path, RATE) - sound
    assert abs(10 * np.log10(np.mean(sound**2) / np.mean(noise**2)) - 20) < 0.3
    untouched = worse(tmp_path, Clip("a", "a.wav", "s", "happy"), blur_px=2)
    np.testing.assert_array_equal(read_audio(untouched, RATE), sound)


def test_a_cover_is_no_picture(tmp_path):
    add_cover(tmp_path / "a.mp4", tone(0.5))
    assert worse(tmp_path, Clip("a", "a.mp4", "s", "happy"), blur_px=2).suffix == ".wav"


def test_the_rates_are_those_of_the_streams_that_are_read(tmp_path):
    sounds = [write_media(tmp_path / f"{rate}.wav", (), tone(0.5, rate), rate) for rate in (8000, 22050)]
    videos = [write_media(tmp_path / f"{ms}.mp4", range(0, 480, ms)) for ms in (80, 40)]
    for default, rate_hz in ((0, 8000), (1, 22050)):
        join_streams(tmp_path / "two.mka", sounds, default)
        path = worse(tmp_path, Clip("two", "two.mka", "s", "happy"), blur_px=1)
        with av.open(str(path)) as container:
            assert container.streams.audio[0].rate == rate_hz
        np.testing.assert_array_equal(read_audio(path, rate_hz), read_audio(sounds[default], rate_hz))
    for default, fps in ((0, 12.5), (1, 25)):
        join_streams(tmp_path / "two.mp4", videos, default)
        rate_hz, frame_rate = job._rates(tmp_path / "two.mp4")
        assert rate_hz == 16000, "there is no audio"
        assert float(frame_rate) == pytest.approx(fps, rel=0.1)  # the muxer writes no duration of the last frame


def test_pictures_alone_get_no_sound(tmp_path):
    write_media(tmp_path / "a.mp4", TIMES)
    path = worse(tmp_path, Clip("a", "a.mp4", "s", "happy"), snr_db=10)
    assert path.suffix == ".mkv"
    assert same_pictures(frames(path)[1], frames(tmp_path / "a.mp4")[1])
    with pytest.raises(Exception, match="no_audio"):
        read_audio(path, RATE)


def test_silence_stays_silence(tmp_path):
    write_media(tmp_path / "a.mkv", TIMES, np.zeros(8000, np.float32), 8000)
    path = worse(tmp_path, Clip("a", "a.mkv", "s", "happy"), snr_db=0)
    with pytest.raises(Exception, match="silent"):
        read_audio(path, 8000)


def test_channels_become_one_as_every_stage_hears_them(tmp_path):
    two = np.stack([tone(0.5), 0.2 * tone(0.5, hz=900)], axis=1)
    write_media(tmp_path / "a.wav", (), two)
    sound = read_audio(worse(tmp_path, Clip("a", "a.wav", "s", "happy"), blur_px=1), 16000)
    np.testing.assert_allclose(sound, read_audio(tmp_path / "a.wav", 16000), atol=1 / 32768)


def test_pictures_lie_upright(tmp_path):
    write_media(tmp_path / "a.mp4", [0, 40])
    rotate_metadata(tmp_path / "a.mp4")
    _, pictures = frames(worse(tmp_path, Clip("a", "a.mp4", "s", "happy"), snr_db=10))
    assert pictures[0].shape == (64, 48, 3)
    assert same_pictures(pictures, frames(tmp_path / "a.mp4")[1])


def test_pictures_that_change_size_get_the_first_ones(tmp_path):
    shown = [(0.0, PICTURES[0]), (0.04, PICTURES[1][:24, :32])]
    write_lossless(tmp_path / "x.mkv", iter(shown), None, RATE, 25)
    assert [picture.shape for picture in frames(tmp_path / "x.mkv")[1]] == [(48, 64, 3)] * 2


def test_long_sound_is_read_in_blocks_and_keeps_every_sample(tmp_path):
    rng = np.random.default_rng(0)
    sound = rng.uniform(-0.5, 0.5, 70 * 2000).astype(np.float32)  # longer than `Audio` keeps in memory
    write_media(tmp_path / "a.wav", (), sound, 2000)
    path = worse(tmp_path, Clip("a", "a.wav", "s", "happy"), snr_db=10)
    before, after = read_audio(tmp_path / "a.wav", 2000), read_audio(path, 2000)
    assert len(before) == len(after) == len(sound)
    assert (
        abs(10 * np.log10(np.mean(before.astype(float) ** 2) / np.mean((after - before).astype(float) ** 2)) - 10) < 0.3
    )


# The whole corpus, as the stage runs it.

CLIPS = [
    Clip("a", "sub/a.mkv", "s1", "happy", "train", "female", digest="d1"),
    Clip("a2", "sub/a.mkv", "s1", "sad", "train", "female", 0.1, 0.4, digest="d1"),
    Clip("b", "b.wav", "s2", "anger", source="film", digest="d2"),
    Clip("broken", "broken.mp4", "s2", "anger", digest="d3"),
    Clip("gone", "gone.mp4", "s3", "anger"),
    Clip("c", "c.mp4", "s3", "fear", digest="d4"),
]


def corpus(tmp_path: Path, ways, workers: int = 1, allowed: float = 0.5) -> Path:
    """Write a corpus and params.yaml; return the folder."""
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    write_media(root / "sub/a.mkv", TIMES, speech(), RATE, pictures=PICTURES, mux={"fflags": "+bitexact"})
    write_media(root / "b.wav", (), speech(), RATE)
    write_media(root / "c.mp4", TIMES)
    (root / "broken.mp4").write_bytes(b"not a film" * 50)
    write_manifest(tmp_path / "manifest.csv", CLIPS)
    params = {
        "runtime": {"workers": workers, "max_failed_fraction": allowed},
        "corpora": {"mine": {"root": str(root)}},
        "degrade": {"noisy": {"corpus": "mine", **ways}},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return tmp_path


def run_stage(folder: Path, name: str = "noisy") -> subprocess.CompletedProcess[str]:
    command = [
        warm.folder() / "python",
        "-m",
        "stages.degrade",
        "--name",
        name,
        "--corpus",
        "mine",
        "--manifest",
        "manifest.csv",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [*command, "--out", "out", "--ledger", "l.csv"], cwd=folder, capture_output=True, text=True, env=environment
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


ALL_WAYS = {"snr_db": 10, "blur_px": 1, "drop_frames": 0.3}


def test_the_stage_writes_every_clip_twice(tmp_path):
    folder = corpus(tmp_path, ALL_WAYS)
    done = run_stage(folder)
    assert done.returncode == 0, done.stderr
    assert "3 ok, 1 degraded (unequal_length), 2 failed (not_media, missing_file)" in done.stdout
    worse_files = {"worse/a.mkv", "worse/a2.mkv", "worse/b.wav", "worse/c.mkv"}
    assert set(contents(folder / "out")) == {
        "manifest.csv",
        "clean/sub/a.mkv",
        "clean/b.wav",
        "clean/c.mp4",
        *worse_files,
    }
    assert (folder / "out/clean/b.wav").samefile(folder / "root/b.wav"), "a hard link"
    entries = {entry.clip_id: (entry.status, entry.reason) for entry in read_ledger(folder / "l.csv")}
    assert entries == {
        **dict.fromkeys(("a2", "b", "c"), ("ok", "")),
        "a": ("degraded", "unequal_length"),  # the audio outlasts the video
        "broken": ("failed", "not_media"),
        "gone": ("failed", "missing_file"),
    }
    clips = {clip.clip_id: clip for clip in manifest_csv.clips(folder / "out")}
    assert sorted(clips) == ["a", "a.worse", "a2", "a2.worse", "b", "b.worse", "c", "c.worse"]
    assert clips["a2"] == Clip("a2", "clean/sub/a.mkv", "s1", "sad", "train", "female", 0.1, 0.4, "sub/a.mkv", "clean")
    assert clips["a2.worse"] == Clip(
        "a2.worse", "worse/a2.mkv", "s1", "sad", "train", "female", None, None, "sub/a.mkv", "worse"
    )
    assert clips["b.worse"] == Clip("b.worse", "worse/b.wav", "s2", "anger", source="film", corpus="worse")
    with (folder / "out/manifest.csv").open(newline="") as file:
        assert next(csv.reader(file)) == [
            "clip_id",
            "path",
            "speaker",
            "emotion",
            "split",
            "gender",
            "start",
            "end",
            "source",
            "corpus",
        ]


@pytest.mark.slow
def test_workers_and_runs_change_no_byte(tmp_path):
    found = []
    for workers in (1, 2):
        folder = corpus(tmp_path / str(workers), ALL_WAYS, workers)
        for _ in range(workers):  # the second run over what the first one left
            done = run_stage(folder)
            assert done.returncode == 0, done.stderr
        found.append({**contents(folder / "out"), "ledger": (folder / "l.csv").read_bytes()})
    assert found[0] == found[1]
    assert read_manifest(folder / "manifest.csv")
    assert (folder / "out/clean/b.wav").stat().st_nlink == 2


def test_too_many_failures_stop_the_stage(tmp_path):
    done = run_stage(corpus(tmp_path, ALL_WAYS, allowed=0.1))
    assert done.returncode == 1
    assert done.stderr.startswith("error: l.csv: 2 of 6 clips failed")
    assert (tmp_path / "l.csv").is_file()


@pytest.mark.parametrize(
    ("name", "words"),
    [("noisi", "did you mean 'noisy'"), ("noisy", "degrade.noisy.blur_px: Input should be greater than 0")],
)
def test_the_stage_tells_mistakes_in_one_line(tmp_path, name, words):
    done = run_stage(corpus(tmp_path, {"blur_px": -1}), name)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ({}, "set one of snr_db, blur_px and drop_frames at least"),
        ({"snr_db": "loud"}, "degrade.x.snr_db: Input should be a valid number"),
        ({"snr_db": float("inf")}, "degrade.x.snr_db: Input should be less than or equal to 100"),
        ({"snr_db": float("nan")}, "degrade.x.snr_db"),
        ({"blur_px": 0}, "degrade.x.blur_px: Input should be greater than 0"),
        ({"drop_frames": 1}, "degrade.x.drop_frames: Input should be less than 1"),
        ({"drop_frames": 0.1, "seed": -1}, "degrade.x.seed"),
        ({"snr": 10}, "degrade.x.snr: no such setting .did you mean 'snr_db'"),
    ],
)
def test_mistakes_in_the_settings_are_told_in_one_line(ways, words):
    with pytest.raises(SettingsError, match=words) as caught:
        parse(DegradeParams, {"corpus": "demo", **ways}, "params.yaml: degrade.x")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "words"),
    [(["a", "a.worse"], "'a.worse' is needed for the worse clip of 'a'"), (["x" * 198], "200 at most")],
)
def test_ids_that_have_no_room_for_a_worse_clip(ids, words):
    with pytest.raises(CorpusError, match=words):
        check_worse_ids([Clip(i, "x.mp4", "s", "sad") for i in ids], Path("manifest.csv"))


def test_without_hard_links_files_are_copied(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "root").mkdir()
    (tmp_path / "root/b.wav").write_bytes(b"sound")
    write_folder(tmp_path / "out", tmp_path / "root", [Clip("b", "b.wav", "s", "sad")], {"b": "b.wav"})
    copy = tmp_path / "out/clean/b.wav"
    assert copy.read_bytes() == b"sound"
    assert copy.stat().st_nlink == 1


def test_a_linked_corpus_is_followed_to_its_files(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "elsewhere.wav").write_bytes(b"sound")
    (tmp_path / "root/b.wav").symlink_to("../elsewhere.wav")
    write_folder(tmp_path / "out/deep", tmp_path / "root", [Clip("b", "b.wav", "s", "sad")], {"b": "b.wav"})
    assert not (tmp_path / "out/deep/clean/b.wav").is_symlink()
    assert (tmp_path / "out/deep/clean/b.wav").read_bytes() == b"sound"


def test_damage_is_told_and_what_is_left_is_used(tmp_path, monkeypatch):
    write_media(tmp_path / "a.mp4", TIMES)
    whole = job.read_video_frames

    def damaged(path, start, end, damage=None):
        (damage if damage is not None else []).append("Invalid data")
        return whole(path, start, end)

    monkeypatch.setattr(job, "read_video_frames", damaged)
    entry, name = Worse(tmp_path, tmp_path / "out", DegradeParams(corpus="x", blur_px=1), "degrade:x")(
        Clip("a", "a.mp4", "s", "sad")
    )
    assert (entry.status, entry.reason, name) == ("degraded", "decode_error", "a.mkv")


def test_a_clip_that_kills_its_process_costs_that_clip(monkeypatch):
    work = Worse(Path(), Path(), DegradeParams(corpus="x", blur_px=1), "degrade:x")
    monkeypatch.setattr(job, "surviving_map", lambda work, clips, workers, label, died: map(died, clips))
    ((entry, name),) = worse_clips(work, [Clip("c3", "x.mp4", "s", "sad")], 2)
    assert (entry.clip_id, entry.stage, entry.status, entry.reason, name) == ("c3", work.stage, "failed", "crashed", "")


def test_no_power_no_noise():
    assert mean_power([]) == 0
    assert not np.concatenate(list(with_noise([np.zeros(9)], 0, 0, generator(0, "sound", "a")))).any()


def test_blur_keeps_the_mean():
    picture = PICTURES[0]
    assert abs(blurred(picture, 3).mean() - picture.mean()) < 2


def test_what_is_made_of_a_generated_corpus_says_that_it_is_generated(tmp_path):
    root = tmp_path / "corpus"
    root.mkdir()
    (root / "a.wav").write_bytes(b"a")
    clip = Clip("a", "a.wav", "s", "anger", digest="1")
    write_folder(tmp_path / "plain", root, [clip], {"a": "a.wav"})
    assert not is_generated(tmp_path / "plain")
    (root / MARK).write_text("generated")
    write_folder(tmp_path / "marked", root, [clip], {"a": "a.wav"})
    assert is_generated(tmp_path / "marked")
