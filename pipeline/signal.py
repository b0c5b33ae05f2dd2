"""Mel spectra, MFCC, their derivatives and context windows: shared by features and by the source task on phones."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from pipeline.core.settings import Settings

SOUND_HZ = 16_000
"""Sampling rate at which every sound feature is computed, Hz."""


class MfccParams(Settings):
    """Frames and cepstra of `mfcc39`."""

    coefficients: int = Field(13, ge=2, le=40, description="cepstral coefficients, the 0th included")
    window_ms: float = Field(25.0, gt=0, description="frame length, ms")
    hop_ms: float = Field(10.0, gt=0, description="frame shift, ms")
    mels: int = Field(40, ge=13, le=128, description="mel bands")
    low_hz: float = Field(20.0, ge=0, description="lower edge of the mel bands, Hz")
    high_hz: float = Field(7600.0, gt=0, le=SOUND_HZ / 2, description="upper edge of the mel bands, Hz")


class LogMelParams(Settings):
    """Frames and bands of `logmel`; the defaults are those of Zhang et al. 2017, section III.A.1."""

    bands: int = Field(64, ge=8, le=256, description="mel bands")
    window_ms: float = Field(25.0, gt=0, description="frame length, ms")
    hop_ms: float = Field(10.0, gt=0, description="frame shift, ms")
    low_hz: float = Field(20.0, ge=0, description="lower edge of the mel bands, Hz")
    high_hz: float = Field(8000.0, gt=0, le=SOUND_HZ / 2, description="upper edge of the mel bands, Hz")


LOG_FLOOR = 1e-10
"""Power that counts as silence: below the rounding noise of 16-bit sound, so that only digital silence meets it."""


def deltas(values: np.ndarray, reach: int = 2) -> np.ndarray:
    """Return regression derivatives along time.

    d_t = sum_{n=1..N} n (x_{t+n} - x_{t-n}) / (2 sum n^2), the ends repeated: Zhang et al. 2017, eq. (1),
    which is also openSMILE's cDeltaRegression.

    Args:
        values: (T, D)
        reach: N, frames to either side

    Returns:
        (T, D), in units per frame
    """
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    total = np.zeros(values.shape, dtype=np.float64)
    for n in range(1, reach + 1):
        total += n * (padded[reach + n : reach + n + len(values)] - padded[reach - n : reach - n + len(values)])
    return total / (2 * sum(n * n for n in range(1, reach + 1)))


def with_derivatives(values: np.ndarray) -> np.ndarray:
    """Return [x, delta, delta-delta], (T, 3D)."""
    first = deltas(values)
    return np.hstack([values, first, deltas(first)])


def mfcc39(samples: np.ndarray, params: MfccParams) -> tuple[np.ndarray, np.ndarray]:
    """Return MFCC with first and second derivatives.

    Args:
        samples: (N,) at `SOUND_HZ`
        params: frames and bands

    Returns:
        ((T, 3 * coefficients) float32, (T,) centre of each frame in s); T = 0 for less than one frame
    """
    import librosa

    framed = _Frames(params.window_ms, params.hop_ms)
    if len(samples) < framed.window:
        return np.zeros((0, 3 * params.coefficients), np.float32), np.zeros(0)
    static = librosa.feature.mfcc(
        n_mfcc=params.coefficients, n_mels=params.mels, fmin=params.low_hz, fmax=params.high_hz, **framed.options(samples)
    ).T.astype(np.float64)
    return with_derivatives(static).astype(np.float32), framed.times(len(static))


def log_mel(samples: np.ndarray, params: LogMelParams) -> tuple[np.ndarray, np.ndarray]:
    """Return the log mel spectrogram, Zhang et al. 2017, section III.A.1.

    Args:
        samples: (N,) at `SOUND_HZ`
        params: frames and bands

    Returns:
        ((T, bands) float32, natural logarithm of the power in each band, not below `LOG_FLOOR`'s;
        (T,) centre of each frame in s); T = 0 for less than one frame
    """
    import librosa

    framed = _Frames(params.window_ms, params.hop_ms)
    if len(samples) < framed.window:
        return np.zeros((0, params.bands), np.float32), np.zeros(0)
    power = librosa.feature.melspectrogram(
        n_mels=params.bands, fmin=params.low_hz, fmax=params.high_hz, power=2.0, **framed.options(samples)
    ).T
    return np.log(np.maximum(power, LOG_FLOOR)).astype(np.float32), framed.times(len(power))


class _Frames:
    """Hamming frames that lie wholly inside the sound: a padded edge would be an observation that nobody made."""

    def __init__(self, window_ms: float, hop_ms: float) -> None:
        self.window = round(SOUND_HZ * window_ms / 1000)
        self.hop = round(SOUND_HZ * hop_ms / 1000)

    def options(self, samples: np.ndarray) -> dict[str, Any]:
        """Return librosa's arguments."""
        size = 1 << (self.window - 1).bit_length()
        padding = (size - self.window) // 2
        return {
            "y": np.pad(samples.astype(np.float32), (padding, size - self.window - padding)),
            "sr": SOUND_HZ,
            "n_fft": size,
            "win_length": self.window,
            "hop_length": self.hop,
            "window": "hamming",
            "center": False,
        }

    def times(self, count: int) -> np.ndarray:
        """Return the centres of the first `count` frames, s."""
        return (np.arange(count) * self.hop + self.window / 2) / SOUND_HZ


def normalise_utterance(values: np.ndarray) -> np.ndarray:
    """Return the values with zero mean and unit variance over the utterance: channel and speaker level go."""
    centred = values - values.mean(axis=0, keepdims=True)
    return (centred / np.maximum(values.std(axis=0, keepdims=True), 1e-5)).astype(np.float32)


def context(values: np.ndarray, reach: int) -> np.ndarray:
    """Return each frame with `reach` neighbours to either side, the ends repeated: (T, D * (2 reach + 1))."""
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.hstack([padded[n : n + len(values)] for n in range(2 * reach + 1)])
