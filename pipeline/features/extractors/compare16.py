"""compare16: the 6,373 functionals of ComParE_2016, Schuller et al. 2016, section 4 (INTERSPEECH challenge).

None of the three papers has it: it is what one would take first of audio by hand. By openSMILE
(`pipeline/audio/functionals.py`, which says what is done where they are undefined). Weights: none. Output: (T, 6373)
float32; units as in the column names. One row per clip unless `window_s` is set; its memory grows with the clip as that
of egemaps does.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.audio.functionals import FunctionalParams, FunctionalSet, functionals_of
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.store import ClipFeatures
from pipeline.features.extractors._sound import meta_of
from pipeline.media.audio_blocks import Audio

INPUT = "sound"
SET = FunctionalSet("ComParE_2016", "F0final_sma_percentile99.0")
"""The pitch that 99 % of voiced frames lie below, Hz: 0 where there is none."""

Params = FunctionalParams


class Extractor:
    """ComParE_2016 functionals by openSMILE."""

    def __init__(self, params: FunctionalParams, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        self.meta = meta_of("compare16", SET.columns, AUDIO_HZ / params.window if params.window else 0.0, params)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, 6373) for audio at `AUDIO_HZ`; see `functionals_of`."""
        return functionals_of(sound, self.params, SET)
