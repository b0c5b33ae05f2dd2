"""The 88 functionals of eGeMAPSv02 by openSMILE: shared by the feature `egemaps` and by the source task `gender`.

Ouyang et al. 2017, section 4.1: "the extended version of GeMAPS (eGeMAPS)" of audio at 16 kHz and 16 bit, its samples
"normalized to the same range". Beside what holds of all functionals (`pipeline/audio/functionals.py`), seen in what
openSMILE returns:

    no voiced frame       openSMILE gives 0 in 53 of 56 columns that need voice (pitch, jitter, HNR, formants, all `V`)
                          and -201 in 3
    no unvoiced frame     the 5 columns `UV` are 0 there, with `MeanUnvoicedSegmentLength` 0 beside them
"""

from collections.abc import Iterator

import numpy as np

from pipeline.audio import functionals as of_set
from pipeline.audio.functionals import FunctionalParams, FunctionalSet
from pipeline.core.store import ClipFeatures, joined
from pipeline.media.audio_blocks import Audio

PITCH = "F0semitoneFrom27.5Hz_sma3nz_percentile50.0"
"""A percentile over voiced frames, in semitones above 27.5 Hz: 0 where there is none."""
_SET = FunctionalSet("eGeMAPSv02", PITCH)


class EgemapsParams(FunctionalParams):
    """The set is fixed by its name."""


def columns() -> tuple[str, ...]:
    """Return openSMILE's names of the 88 columns."""
    return _SET.columns


def functionals(samples: np.ndarray, params: EgemapsParams) -> ClipFeatures:
    """Return (T, 88) float32 for samples (N,) at `AUDIO_HZ`; see `functionals_of`."""
    return joined(functionals_of(Audio.of(samples), params))


def functionals_of(audio: Audio, params: EgemapsParams) -> Iterator[ClipFeatures]:
    """Yield (n, 88) float32 for audio at `AUDIO_HZ`; see `pipeline.audio.functionals`."""
    return of_set.functionals_of(audio, params, _SET)
