"""resemblyzer: where partial utterances begin, what their frames see, and how loud they are, as in the package."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from pipeline.core.errors import ClipError, SettingsError, WeightsError
from pipeline.core.store import joined
from pipeline.core.weights_file import save_weights
from pipeline.features.extract_job import ExtractJob
from pipeline.features.extractors import resemblyzer
from pipeline.media.audio_blocks import Audio
from pipeline.networks.speaker_lstm import SpeakerLSTM

SHAPE = {"bands": 40, "cells": 12, "layers": 2, "columns": 8}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("resemblyzer")
    torch.manual_seed(0)
    network = SpeakerLSTM(**SHAPE)
    save_weights(folder, network.state_dict(), {"network": SHAPE, "speakers": []}, "made for a test")
    return folder


def extractor(weights, **params) -> resemblyzer.Extractor:
    torch.set_num_threads(1)
    return resemblyzer.Extractor(resemblyzer.Params(**params), weights)


def noise(count: int, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(count).standard_normal(count)).astype(np.float32)


def starts(count: int, frames: int) -> list[int]:
    """Return where the package's partials begin, samples (its `compute_partial_slices`, for a coverage of 0.75)."""
    total = int(np.ceil((count + 1) / 160))
    found = [160 * frame for frame in range(0, max(1, total - 160 + frames + 1), frames)]
    return found[:-1] if len(found) > 1 and (count - found[-1]) / 25600 < 0.75 else found


@pytest.mark.parametrize("count", [400, 25600, 31519, 31520, 31521, 44800, 117_759, 117_760, 300_001])
@pytest.mark.parametrize(("rate", "frames"), [(1.3, 77), (0.625, 160), (2.5, 40)])
def test_rows_are_those_of_the_whole_spectrogram(weights, count, rate, frames):
    samples = noise(count)
    found = joined(extractor(weights, rate=rate)(Audio.of(samples, 7001)))
    begins = starts(count, frames)
    padded = np.pad(samples, (0, max(0, begins[-1] + 25600 - count)))
    mel = librosa.feature.melspectrogram(y=padded, sr=16000, n_fft=400, hop_length=160, n_mels=40).T
    windows = np.stack([mel[begin // 160 : begin // 160 + 160] for begin in begins])
    with torch.inference_mode():
        rows = extractor(weights).network(torch.from_numpy(windows.astype(np.float32))).numpy()
    np.testing.assert_allclose(found.values, rows, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.times, np.array(begins) / 16000 + 0.8)
    np.testing.assert_allclose(np.linalg.norm(found.values, axis=1), 1, atol=1e-5)
    assert found.mask.all()


def test_a_quiet_clip_is_raised_to_30_db_below_full_scale_and_a_loud_one_is_left(weights):
    made = extractor(weights)
    level = 10 ** (-30 / 20)
    base = noise(30000)
    base /= np.sqrt(np.mean(base**2))
    quiet, right, loud = (joined(made(Audio.of((factor * level * base).astype(np.float32)))).values
                          for factor in (0.01, 1, 30))  # fmt: skip
    np.testing.assert_allclose(quiet, right, atol=1e-5)
    assert np.abs(loud - right).max() > 0.01


def test_a_clip_alone_is_a_clip_among_others(weights):
    made, samples = extractor(weights), noise(100_000)
    alone = joined(extractor(weights)(Audio.of(samples, 5000)))
    joined(made(Audio.of(noise(26000))))
    np.testing.assert_array_equal(joined(made(Audio.of(samples, 5000))).values, alone.values)


@pytest.mark.parametrize(("samples", "reason"), [(noise(399), "too_short"), (np.zeros(9000, np.float32), "silent")])
def test_what_gives_no_row(weights, samples, reason):
    with pytest.raises(ClipError) as caught:
        joined(extractor(weights)(Audio.of(samples)))
    assert caught.value.reason == reason


def test_its_weights_and_settings(weights):
    with pytest.raises(WeightsError, match="dvc repro fetch_weights@resemblyzer"):
        resemblyzer.Extractor(resemblyzer.Params(), None)
    assert extractor(weights).meta.rate_hz == pytest.approx(100 / 77)
    with pytest.raises(SettingsError, match=r"extract_sound\.resemblyzer\.rate"):
        ExtractJob.of("resemblyzer", {"rate": 0.5}, "extract_sound.resemblyzer", weights, weights)
