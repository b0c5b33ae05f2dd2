"""Inputs that the fuzzer found to be read wrongly once, made small."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from helpers.fuzz import chance, media
from pipeline.core.errors import ClipError
from pipeline.media.decode import read_audio, read_audio_blocks, read_frames


def put(folder: Path, one: media.Input) -> Path:
    path = folder / f"clip{one.suffix}"
    path.write_bytes(one.data)
    return path


@pytest.mark.parametrize("rate", [1, 7])
def test_a_sampling_rate_that_no_audio_has_is_refused(tmp_path, rate):
    data = bytearray(media.base(".wav").data)
    struct.pack_into("<I", data, 24, rate)
    (tmp_path / "x.wav").write_bytes(data)
    with pytest.raises(ClipError, match="decode_error"):
        next(read_audio_blocks(tmp_path / "x.wav", 16_000))


def test_more_channels_than_ffmpeg_mixes_are_refused(tmp_path):
    data = bytearray(media.base(".wav").data)
    struct.pack_into("<H", data, 22, 255)
    (tmp_path / "x.wav").write_bytes(data)
    with pytest.raises(ClipError, match="decode_error: 255 channels; FFmpeg mixes 64 at most"):
        next(read_audio_blocks(tmp_path / "x.wav", 16_000))


def test_a_flac_whose_first_frames_are_lost_is_not_whole(tmp_path):
    whole = media.base(".flac").data
    starts = [at for at in range(len(whole)) if whole.startswith(b"\xff\xf8", at)]
    first, later = starts[0], starts[len(starts) // 2]
    (tmp_path / "x.flac").write_bytes(whole[:first] + whole[later:])
    damage = []
    list(read_audio_blocks(tmp_path / "x.flac", 16_000, damage=damage))
    assert any("s declared by the file" in str(one) for one in damage), damage


def test_a_video_stream_of_which_no_frame_is_left_has_failed_and_is_not_absent(tmp_path):
    whole, reasons = media.base(".mkv").data, set()
    for share in np.linspace(0.02, 0.2, 30):
        (tmp_path / "x.mkv").write_bytes(whole[: int(share * len(whole))])
        try:
            next(iter(read_frames(tmp_path / "x.mkv")))
        except ClipError as error:
            reasons.add(error.reason)
    assert reasons == {"decode_error"}


def first_by(rule, words: str) -> media.Input:
    """Return the first input of a rule whose name ends with some words."""
    return next(one for one in (rule(chance(0, number)) for number in range(200)) if one.rule.endswith(words))


@pytest.mark.parametrize("words", ["mirrored", "upside down", "transposed", "transposed the other way"])
def test_a_mirrored_picture_is_seen_as_a_player_shows_it(tmp_path, words):
    one = first_by(media.matrix, words)
    _, shown = next(iter(read_frames(put(tmp_path, one))))
    assert shown.shape == one.first.shape
    assert np.abs(shown.astype(int) - one.first).mean() < 8


@pytest.mark.parametrize("ratio", ["16/11", "10/11", "2"])
def test_pixels_are_square(tmp_path, ratio):
    one = first_by(media.aspect, f": {ratio}")
    _, shown = next(iter(read_frames(put(tmp_path, one))))
    assert abs(shown.shape[1] - one.first.shape[1]) <= 2


def test_the_default_audio_is_heard(tmp_path):
    one = first_by(media.streams, "the second audio is the default")
    found = read_audio(put(tmp_path, one), 16_000)[: len(one.heard)]
    assert np.corrcoef(found, one.heard[: len(found)])[0, 1] > 0.9


def test_a_voice_in_opposite_phase_is_heard(tmp_path):
    one = first_by(media.layout, "against FR")
    assert np.abs(read_audio(put(tmp_path, one), 16_000)).max() > 0.01
