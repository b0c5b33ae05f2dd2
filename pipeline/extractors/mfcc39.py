"""mfcc39: 13 MFCC with first and second derivatives, Huang et al. 2017, section 3.1.

Paper: input of the speech DNN. Weights: none. Output: (T, 39) float32, 100 frames a second, without unit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.signal import MfccParams, mfcc39

INPUT = "sound"
Params = MfccParams


class Extractor:
    """MFCC by librosa."""

    def __init__(self, params: MfccParams, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        names = [f"mfcc{i}" for i in range(params.coefficients)]
        columns = tuple(f"{prefix}{name}" for prefix in ("", "delta_", "deltadelta_") for name in names)
        self.meta = FeatureMeta(
            feature="mfcc39",
            dimension=len(columns),
            dtype="float32",
            rate_hz=1000 / params.hop_ms,
            columns=columns,
            params=params.model_dump(),
        )

    def __call__(self, samples: np.ndarray) -> ClipFeatures:
        """Return (T, 39) for samples (N,) at `SOUND_HZ`.

        Raises:
            ClipError: less than one frame of sound
        """
        values, times = mfcc39(samples, self.params)
        if not len(values):
            raise ClipError("too_short", f"{len(samples)} samples, less than a frame of {self.params.window_ms:g} ms")
        return ClipFeatures(values, times, np.ones(len(values), bool))
