"""Log mel spectrogram as Whisper's encoder takes it: Radford et al. 2022, section 2.2, and `audio.py` of its code."""

from functools import cache

import numpy as np

from pipeline.audio.spectral import AUDIO_HZ

FRAME, HOP, BANDS = 400, 160, 80
"""Samples of a Hann window, samples from one to the next, and mel bands from 0 to 8000 Hz; large-v3 has 128."""
_FLOOR, _RANGE = 1e-10, 8.0
"""Power that counts as silence; and how far below the loudest value a window's values go, in powers of ten."""


@cache
def _filters(bands: int) -> np.ndarray:
    from librosa.filters import mel

    return mel(sr=AUDIO_HZ, n_fft=FRAME, n_mels=bands)


def whisper_mel(samples: np.ndarray, bands: int = BANDS) -> np.ndarray:
    """Return (bands, N // 160) float32 for a window of sound (N,) at `AUDIO_HZ`, N at least `FRAME`.

    Frame t is centred on sample 160 t, the signal mirrored at its ends. Values are (4 + log10 of the power) / 4, none
    more than 8 powers of ten below the loudest of the window.
    """
    import librosa

    spectrum = librosa.stft(samples.astype(np.float32), n_fft=FRAME, hop_length=HOP, pad_mode="reflect")
    power = np.einsum("...ft,mf->...mt", np.abs(spectrum) ** 2.0, _filters(bands), optimize=True)  # as librosa has it
    power = power[:, : len(samples) // HOP]  # Whisper leaves out the frame behind the last hop
    # the natural logarithm: numpy's float32 log10 has other last bits where a processor has AVX-512
    level = np.log(np.maximum(power, _FLOOR)) * np.float32(1 / np.log(10))
    return ((np.maximum(level, level.max() - _RANGE) + 4) / 4).astype(np.float32)
