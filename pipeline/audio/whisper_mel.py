"""Log mel spectrogram as Whisper's encoder takes it: Radford et al. 2022, section 2.2, and `audio.py` of its code."""

from functools import cache

import numpy as np

from pipeline.audio.spectral import AUDIO_HZ

FRAME, HOP, BANDS = 400, 160, 80
"""Samples of a Hann window, samples from one to the next, and mel bands from 0 to 8000 Hz; large-v3 has 128."""
_FLOOR, _RANGE = 1e-10, 8.0
"""Power that counts as silence; and how far below the loudest value a window's values go, in powers of ten."""
_AT_ONCE = 256
"""Frames whose spectra fit into a processor's cache."""


@cache
def _filters(bands: int) -> np.ndarray:
    from librosa.filters import mel

    return mel(sr=AUDIO_HZ, n_fft=FRAME, n_mels=bands)


@cache
def _window() -> np.ndarray:
    from scipy.signal import get_window

    return get_window("hann", FRAME)


def whisper_mel(samples: np.ndarray, bands: int = BANDS) -> np.ndarray:
    """Return (bands, N // 160) float32 for a window of sound (N,) at `AUDIO_HZ`, N at least `FRAME`.

    Frame t is centred on sample 160 t, the signal mirrored at its ends. Values are (4 + log10 of the power) / 4, none
    more than 8 powers of ten below the loudest of the window.
    """
    rows = _powers(np.pad(samples.astype(np.float32), FRAME // 2, mode="reflect"))
    power = (_filters(bands) @ rows.T)[:, : len(samples) // HOP]  # Whisper leaves out the frame behind the last hop
    # the natural logarithm: numpy's float32 log10 has other last bits where a processor has AVX-512
    level = np.log(np.maximum(power, _FLOOR)) * np.float32(1 / np.log(10))
    return ((np.maximum(level, level.max() - _RANGE) + 4) / 4).astype(np.float32)


def _powers(padded: np.ndarray) -> np.ndarray:
    """Return the power of each frame at each frequency, (T, FRAME / 2 + 1) float32: to the last bit as librosa's `stft`
    has it, in two thirds of the time.
    """
    from scipy.fft import rfft

    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[::HOP]
    found = np.empty((len(frames), FRAME // 2 + 1), np.float32)
    for begin in range(0, len(frames), _AT_ONCE):
        spectrum = rfft(frames[begin : begin + _AT_ONCE] * _window(), axis=1).astype(np.complex64)
        found[begin : begin + _AT_ONCE] = np.abs(spectrum) ** 2.0
    return found
