"""egemaps: the 88 functionals of eGeMAPSv02, Ouyang et al. 2017, section 4.1.

Paper: eGeMAPS of sound at 16 kHz and 16 bit as input of the speech DNN. By openSMILE (`pipeline/audio/egemaps.py`,
which says what is done where eGeMAPS is undefined). Weights: none. Output: (T, 88) float32; units as in the column
names.

One row per clip unless `window_s` is set: the label is the clip's, functionals are made to describe a whole utterance,
and the DNN takes one vector each. That is the one feature whose memory grows with the clip: about 64 KB a second, and
what openSMILE itself holds. Windows are for a source corpus whose utterances are much longer than the clips, and for
networks over time; they are read one after the other.
"""

from collections.abc import Iterator
from pathlib import Path

from pipeline.audio.egemaps import EgemapsParams, columns, functionals_of
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.store import ClipFeatures
from pipeline.features.extractors._sound import meta_of
from pipeline.media.audio_blocks import Audio

INPUT = "sound"

Params = EgemapsParams


class Extractor:
    """eGeMAPSv02 functionals by openSMILE."""

    def __init__(self, params: EgemapsParams, weights: Path | None = None) -> None:  # noqa: ARG002
        self.params = params
        self.meta = meta_of("egemaps", columns(), AUDIO_HZ / params.window if params.window else 0.0, params)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, 88) for sound at `AUDIO_HZ`; see `functionals_of`."""
        return functionals_of(sound, self.params)
