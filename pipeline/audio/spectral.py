"""Mel spectra, MFCC, their derivatives and context windows: shared by features and by the source task on phones."""

from typing import Any

import numpy as np
from pydantic import Field

from pipeline.core.moments import moments
from pipeline.core.settings import Settings

AUDIO_HZ = 16_000
"""Sampling rate at which every audio feature is computed, Hz."""
LOG_FLOOR = 1e-10
"""Power that counts as silence: below the rounding noise of 16-bit audio, so that only digital silence meets it."""
REACH = 4
"""Frames to either side that a row of `with_derivatives` depends on."""
NORMAL_ROWS = 3000
"""Rows at a time where an utterance is normalised, so that the last bits do not depend on how it was read."""


class MfccParams(Settings):
    """Frames and cepstra of `mfcc39`."""

    coefficients: int = Field(13, ge=2, le=40, description="cepstral coefficients, the 0th included {Huang 3.1: 13}")
    window_ms: float = Field(25.0, gt=0, description="frame length, ms")
    hop_ms: float = Field(10.0, gt=0, description="frame shift, ms")
    mels: int = Field(40, ge=13, le=128, description="mel bands")
    low_hz: float = Field(20.0, ge=0, description="lower edge of the mel bands, Hz")
    high_hz: float = Field(7600.0, gt=0, le=AUDIO_HZ / 2, description="upper edge of the mel bands, Hz")


class LogMelParams(Settings):
    """Frames and bands of `logmel`; the defaults are those of Zhang et al. 2017, section III.A.1."""

    bands: int = Field(64, ge=8, le=256, description="mel bands {Zhang III.A.1: 64}")
    window_ms: float = Field(25.0, gt=0, description="frame length, ms {Zhang III.A.1: 25}")
    hop_ms: float = Field(10.0, gt=0, description="frame shift, ms {Zhang III.A.1: 10}")
    low_hz: float = Field(20.0, ge=0, description="lower edge of the mel bands, Hz {Zhang III.A.1: 20}")
    high_hz: float = Field(
        8000.0, gt=0, le=AUDIO_HZ / 2, description="upper edge of the mel bands, Hz {Zhang III.A.1: 8000}"
    )


def deltas(values: np.ndarray, reach: int = 2) -> np.ndarray:
    """Return regression derivatives along time, (T, D) in units per frame, over `reach` = N frames to either side.

    d_t = sum_{n=1..N} n (x_{t+n} - x_{t-n}) / (2 sum n^2), the ends repeated: Zhang et al. 2017, eq. (1),
    which is also openSMILE's cDeltaRegression.
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


class Frames:
    """Hamming frames that lie wholly inside the signal: a padded edge would be an observation that nobody made. In
    samples, a frame is `window` long, the next begins after a `hop`, and it reaches an `overlap` into the next.
    """

    def __init__(self, params: MfccParams | LogMelParams) -> None:
        self.window = round(AUDIO_HZ * params.window_ms / 1000)
        self.hop = round(AUDIO_HZ * params.hop_ms / 1000)
        self.overlap = max(0, self.window - self.hop)

    def step(self, seconds: float) -> int:
        """Return how many samples whole hops take in `seconds`."""
        return max(1, round(seconds * AUDIO_HZ) // self.hop) * self.hop

    def options(self, samples: np.ndarray) -> dict[str, Any]:
        """Return librosa's arguments."""
        size = 1 << (self.window - 1).bit_length()
        padding = (size - self.window) // 2
        return {
            "y": np.pad(samples.astype(np.float32), (padding, size - self.window - padding)),
            "sr": AUDIO_HZ,
            "n_fft": size,
            "win_length": self.window,
            "hop_length": self.hop,
            "window": "hamming",
            "center": False,
        }

    def times(self, count: int, first: int = 0) -> np.ndarray:
        """Return the centres of `count` frames from the `first` one on, s."""
        return (np.arange(first, first + count) * self.hop + self.window / 2) / AUDIO_HZ


def _mel_power(samples: np.ndarray, params: MfccParams | LogMelParams, bands: int) -> np.ndarray:
    """Return the power in each mel band, (bands, T) float32; T = 0 for less than one frame."""
    import librosa

    framed = Frames(params)
    if len(samples) < framed.window:
        return np.zeros((bands, 0), np.float32)
    edges = {"fmin": params.low_hz, "fmax": params.high_hz}
    return librosa.feature.melspectrogram(n_mels=bands, power=2.0, **edges, **framed.options(samples))


def cepstra(samples: np.ndarray, params: MfccParams) -> np.ndarray:
    """Return MFCC without derivatives, (T, coefficients) float64; T = 0 for less than one frame.

    Each frame by itself: the floor of the level is `LOG_FLOOR`'s, not one below the clip's loudest frame.
    """
    import librosa

    # dB by the natural logarithm: numpy's float32 log10 has other last bits where a processor has AVX-512
    level = np.log(np.maximum(_mel_power(samples, params, params.mels), LOG_FLOOR)) * np.float32(10 / np.log(10))
    return librosa.feature.mfcc(S=level, n_mfcc=params.coefficients).T.astype(np.float64)


def mfcc39(samples: np.ndarray, params: MfccParams) -> tuple[np.ndarray, np.ndarray]:
    """Return MFCC with first and second derivatives of samples (N,) at `AUDIO_HZ`: ((T, 3 * coefficients) float32, (T,)
    centre of each frame in s); T = 0 for less than one frame.
    """
    static = cepstra(samples, params)
    values = with_derivatives(static) if len(static) else np.zeros((0, 3 * params.coefficients))
    return values.astype(np.float32), Frames(params).times(len(values))


def log_mel(samples: np.ndarray, params: LogMelParams) -> tuple[np.ndarray, np.ndarray]:
    """Return the log mel spectrogram of samples (N,) at `AUDIO_HZ`, Zhang et al. 2017, section III.A.1: ((T, bands)
    float32, natural logarithm of the power in each band, not below `LOG_FLOOR`'s; (T,) centre of each frame in s);
    T = 0 for less than one frame.
    """
    power = _mel_power(samples, params, params.bands).T
    return np.log(np.maximum(power, LOG_FLOOR)).astype(np.float32), Frames(params).times(len(power))


def normalise(values: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Return rows with zero mean and unit variance, float32; a column without variance becomes zero."""
    return ((values - mean) / np.maximum(deviation, 1e-5)).astype(np.float32)


def normalise_utterance(values: np.ndarray) -> np.ndarray:
    """Return the values with zero mean and unit variance over the utterance: channel and speaker level go."""
    blocks = (values[start : start + NORMAL_ROWS] for start in range(0, len(values), NORMAL_ROWS))
    return normalise(values, *moments(blocks))


def context(values: np.ndarray, reach: int) -> np.ndarray:
    """Return each frame with `reach` neighbours to either side, the ends repeated: (T, D * (2 reach + 1))."""
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.hstack([padded[n : n + len(values)] for n in range(2 * reach + 1)])
