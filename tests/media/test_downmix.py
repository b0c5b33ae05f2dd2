"""`pipeline.media.downmix`: no channel is lost, whether in the middle or upside down."""

from __future__ import annotations

import av
import numpy as np
import pytest
import soundfile

from helpers.media import tone
from pipeline.media.decode import read_audio, read_audio_blocks
from pipeline.media.downmix import RESAMPLED, channels_of, mixed, weights_of
from pipeline.media.remark import degraded_by

VOICE = tone(1.0)


def level_db(sound: np.ndarray) -> float:
    return 20 * np.log10(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def written(path, *channels, subtype="FLOAT"):
    soundfile.write(path, np.stack(channels, axis=1), 16000, subtype=subtype)
    return path


def told(path) -> list[str]:
    damage: list[str] = []
    list(read_audio_blocks(path, 16000, damage=damage))
    return degraded_by(damage)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.9])
def test_channels_of_opposite_phase_are_no_silence(tmp_path, share):
    path = written(tmp_path / "a.wav", VOICE, -share * VOICE)
    assert level_db(read_audio(path, 16000)) == pytest.approx(level_db(VOICE * (1 + share) / 2), abs=0.1)
    assert told(path) == ["note: 2 channels audio mixed 0.5 -0.5, of opposite phase"]


def test_what_is_upside_down_is_the_weaker_channel(tmp_path):
    sound = read_audio(written(tmp_path / "a.wav", -0.5 * VOICE, VOICE), 16000)
    assert np.abs(sound - 0.75 * VOICE).max() < 1e-3


def test_channels_that_differ_are_averaged(tmp_path):
    path = written(tmp_path / "a.wav", VOICE, tone(1.0, hz=700))
    assert np.abs(read_audio(path, 16000) - (VOICE + tone(1.0, hz=700)) / 2).max() < 1e-6
    assert told(path) == ["note: 2 channels audio mixed 0.5 0.5"]


def test_silence_before_opposite_channels_does_not_hide_them(tmp_path):
    late = np.concatenate([np.zeros(16000, np.float32), VOICE])
    sound = read_audio(written(tmp_path / "a.wav", late, -late), 16000)
    assert np.abs(sound - late).max() < 1e-3


def test_a_voice_in_the_middle_of_5_1_does_not_lose_15_db(tmp_path):
    rest = np.zeros_like(VOICE)
    sound = read_audio(written(tmp_path / "a.wav", rest, rest, VOICE, rest, rest, rest), 16000)
    assert level_db(sound) > level_db(VOICE) - 11


@pytest.mark.parametrize("count", [8, 16])
def test_eight_channels_and_more_do_not_end_the_process(tmp_path, count):
    sound = read_audio(written(tmp_path / "a.wav", *[0.5 * VOICE] * count, subtype="PCM_16"), 16000)
    assert np.abs(sound).max() == pytest.approx(0.25, abs=0.02)


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "7.1", "nothing known"])
def test_weights_never_exceed_full_scale(layout):
    channels = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}.get(layout, 3)
    weights = weights_of(layout, channels)
    assert weights.shape == (channels,)
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("factor", [3.0, 32767.0])
def test_float_audio_above_full_scale_is_kept(tmp_path, factor):
    path = written(tmp_path / "a.wav", factor * VOICE)
    assert np.abs(read_audio(path, 16000) - factor * VOICE).max() < 1e-3 * factor


@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_samples_are_taken_as_they_are(layout):
    samples = np.random.default_rng(0).standard_normal((1, 2 * 480)).astype(np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format=RESAMPLED, layout=layout)
    planes = channels_of(frame)
    np.testing.assert_array_equal(planes, frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T)
    one = planes[:1]
    np.testing.assert_array_equal(mixed(one, np.ones(1, np.float32)), one.mean(axis=0, dtype=np.float32))
