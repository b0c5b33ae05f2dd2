"""logmel: log mel spectrogram, Zhang et al. 2017, section III.A.1.

Paper: 64 mel bands from 20 to 8000 Hz, Hamming frames of 25 ms every 10 ms. Weights: none. Output: (T, 64) float32, 100
frames a second, natural logarithm of power. What AlexNet sees is cut from it by
`pipeline/features/segments/networks/alexnet.py`.
A clip of more than `PIECE_S` differs from one computed as a whole by rounding of the mel sums alone, less than 1e-5.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.audio.spectral import Frames, LogMelParams, log_mel
from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.media.audio_blocks import PIECE_S, Audio, overlapping

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

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, bands) for sound at `AUDIO_HZ`.

        Raises:
            ClipError: less than one frame of sound
        """
        frames = Frames(self.params)
        done = 0
        for _, samples in overlapping(sound.blocks(), frames.step(PIECE_S), after=frames.overlap):
            rows, _ = log_mel(samples, self.params)
            if len(rows):
                yield ClipFeatures(rows, frames.times(len(rows), done), np.ones(len(rows), bool))
                done += len(rows)
        if not done:
            raise ClipError("too_short", f"less sound than a frame of {self.params.window_ms:g} ms")
