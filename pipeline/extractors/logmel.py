"""logmel: log mel spectrogram, Zhang et al. 2017, section III.A.1.

Paper: 64 mel bands from 20 to 8000 Hz, Hamming frames of 25 ms every 10 ms. Weights: none. Output: (T, 64) float32, 100
frames a second, natural logarithm of power. What AlexNet sees is cut from it by `pipeline/segment_networks/alexnet.py`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.signal import LogMelParams, log_mel

INPUT = "sound"
Params = LogMelParams


class Extractor:
    """Mel bands by librosa."""

    def __init__(self, params: LogMelParams, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        self.meta = FeatureMeta(
            feature="logmel",
            dimension=params.bands,
            dtype="float32",
            rate_hz=1000 / params.hop_ms,
            columns=tuple(f"log_mel{band:02d}" for band in range(params.bands)),
            params=params.model_dump(),
        )

    def __call__(self, samples: np.ndarray) -> ClipFeatures:
        """Return (T, bands) for samples (N,) at `SOUND_HZ`.

        Raises:
            ClipError: less than one frame of sound
        """
        values, times = log_mel(samples, self.params)
        if not len(values):
            raise ClipError("too_short", f"{len(samples)} samples, less than a frame of {self.params.window_ms:g} ms")
        return ClipFeatures(values, times, np.ones(len(values), bool))
