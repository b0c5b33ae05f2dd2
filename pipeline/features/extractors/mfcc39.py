"""mfcc39: 13 MFCC with first and second derivatives, Huang et al. 2017, section 3.1.

Paper: input of the speech DNN. Weights: none. Output: (T, 39) float32, 100 frames a second, without unit. A clip of
more than `PIECE_S` differs from one computed as a whole by rounding of the mel sums alone, less than 1e-6 of the
largest value; the derivatives are exactly those of its static columns.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pipeline.audio.spectral import REACH, MfccParams, cepstra, with_derivatives
from pipeline.core.store import ClipFeatures
from pipeline.features.extractors._sound import meta_of, of_frames
from pipeline.media.audio_blocks import Audio, over_seams

INPUT = "sound"
Params = MfccParams


class Extractor:
    """MFCC by librosa."""

    def __init__(self, params: MfccParams, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        names = [f"mfcc{number}" for number in range(params.coefficients)]
        columns = [f"{prefix}{name}" for prefix in ("", "delta_", "deltadelta_") for name in names]
        self.meta = meta_of("mfcc39", columns, 1000 / params.hop_ms, params)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, 39) for sound at `AUDIO_HZ`."""
        derive = partial(over_seams, reach=REACH, function=with_derivatives)
        return of_frames(sound, self.params, cepstra, derive)
