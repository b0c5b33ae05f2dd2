"""mfcc39: 13 MFCC with first and second derivatives, Huang et al. 2017, section 3.1.

Paper: input of the speech DNN. Weights: none. Output: (T, 39) float32, 100 frames a second, without unit. A clip of
    more
than `PIECE_S` differs from one computed as a whole by rounding of the mel sums alone, less than 1e-6 of the largest
value; the derivatives are exactly those of its static columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.audio.spectral import REACH, Frames, MfccParams, cepstra, with_derivatives
from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.media.audio_blocks import PIECE_S, Audio, over_seams, overlapping

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

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, 39) for sound at `AUDIO_HZ`.

        Raises:
            ClipError: less than one frame of sound
        """
        frames = Frames(self.params)
        parts = overlapping(sound.blocks(), frames.step(PIECE_S), after=frames.overlap)
        static = (cepstra(samples, self.params) for _, samples in parts)
        done = 0
        for rows in over_seams((rows for rows in static if len(rows)), REACH, with_derivatives):
            yield ClipFeatures(rows.astype(np.float32), frames.times(len(rows), done), np.ones(len(rows), bool))
            done += len(rows)
        if not done:
            raise ClipError("too_short", f"less sound than a frame of {self.params.window_ms:g} ms")
