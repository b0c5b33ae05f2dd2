"""Whisper's log mel spectrogram against its definition by torch's own transform."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from pipeline.audio.whisper_mel import whisper_mel


def by_torch(samples: np.ndarray) -> np.ndarray:
    spectrum = torch.stft(torch.from_numpy(samples), 400, 160, window=torch.hann_window(400), return_complex=True)
    bands = torch.from_numpy(librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)) @ spectrum[:, :-1].abs() ** 2
    level = bands.clamp(min=1e-10).log10()
    return ((level.maximum(level.max() - 8) + 4) / 4).numpy()


@pytest.mark.parametrize("count", [400, 479, 3200, 16000, 16001])
def test_it_is_whispers(count):
    rng = np.random.default_rng(count)
    samples = (0.2 * rng.standard_normal(count) * (np.arange(count) > count / 3)).astype(np.float32)
    found = whisper_mel(samples)
    assert found.dtype == np.float32
    assert found.shape == (80, count // 160)
    np.testing.assert_allclose(found, by_torch(samples), rtol=0, atol=1e-4)
    if count > 479:  # frames before the noise begins
        assert found.max() - found.min() == pytest.approx(2), "8 powers of ten, over 4"


def test_silence_is_one_value():
    np.testing.assert_allclose(whisper_mel(np.zeros(1600, np.float32)), -1.5)


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("count", [400, 401, 560, 5049, 40_960, 66_410])
def test_not_a_bit_differs_from_librosas_transform(count, bands):
    rng = np.random.default_rng(count)
    samples = (rng.standard_normal(count) * np.geomspace(1e-4, 1, count)).astype(np.float32)
    spectrum = librosa.stft(samples, n_fft=400, hop_length=160, pad_mode="reflect")
    filters = librosa.filters.mel(sr=16000, n_fft=400, n_mels=bands)
    power = np.einsum("...ft,mf->...mt", np.abs(spectrum) ** 2.0, filters, optimize=True)[:, : count // 160]
    level = np.log(np.maximum(power, 1e-10)) * np.float32(1 / np.log(10))
    np.testing.assert_array_equal(whisper_mel(samples, bands), (np.maximum(level, level.max() - 8) + 4) / 4)
