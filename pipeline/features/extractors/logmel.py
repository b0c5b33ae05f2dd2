"""logmel: log mel spectrogram, Zhang et al. 2017, section III.A.1.

Paper: 64 mel bands from 20 to 8000 Hz, Hamming frames of 25 ms every 10 ms. Weights: none. Output: (T, 64) float32, 100
frames a second, natural logarithm of power. What AlexNet sees is cut from it by
`pipeline/features/segments/networks/alexnet.py`.
A clip of more than `PIECE_S` differs from one computed as a whole by rounding of the mel sums alone, less than 1e-5.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.audio.spectral import LogMelParams, log_mel
from pipeline.core.store import ClipFeatures
from pipeline.features.extractors._sound import meta_of, of_frames
from pipeline.media.audio_blocks import Audio

INPUT = "sound"
Params = LogMelParams


class Extractor:
    """Mel bands by librosa."""

    def __init__(self, params: LogMelParams, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        columns = [f"log_mel{band:02d}" for band in range(params.bands)]
        self.meta = meta_of("logmel", columns, 1000 / params.hop_ms, params)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, bands) for sound at `AUDIO_HZ`."""
        return of_frames(sound, self.params, lambda samples, params: log_mel(samples, params)[0])
