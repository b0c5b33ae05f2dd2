"""egemaps: the 88 functionals of eGeMAPSv02, Ouyang et al. 2017, section 4.1.

Paper: "the extended version of GeMAPS (eGeMAPS)" of sound at 16 kHz and 16 bit, its samples "normalized to the same
range", as input of the speech DNN. By openSMILE. Weights: none. Output: (T, 88) float32; units as in the column names.

One row per clip unless `window_s` is set: the label is the clip's, functionals are made to describe a whole utterance,
and the DNN takes one vector each. Windows are for a source corpus whose utterances are much longer than the clips, and
for networks over time; they do not overlap, a rest at the end is left out, a clip below one window is one row.

Stated behaviour, each seen in what openSMILE returns:

    below 100 ms          too_short: NaN below 60 ms, and below 90 ms a pitch that may be an octave and more too low
    no voiced frame       not observed, so the row is masked: openSMILE gives 0 in 53 of 56 columns that need voice
                          (pitch, jitter, HNR, formants, all `V`) and -201 in 3; without a row left the clip fails
    no unvoiced frame     kept: the 5 columns `UV` are 0 there, with `MeanUnvoicedSegmentLength` 0 beside them
    samples of exactly 1  never given: openSMILE multiplies by 32768, and its 16-bit integers wrap round to -1
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.signal import SOUND_HZ

INPUT = "sound"
SHORTEST_S = 0.1
PITCH = "F0semitoneFrom27.5Hz_sma3nz_percentile50.0"
_FULL_SCALE = 2**15


class Params(Settings):
    """The set is fixed by its name."""

    normalise: Literal["peak", "none"] = Field(
        "peak", description="peak: the clip's loudest sample at full scale; none"
    )
    window_s: float | None = Field(
        None, ge=SHORTEST_S, description="s of sound per row; null = the whole clip, one row"
    )


@cache
def _smile() -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


def as_16_bit(samples: np.ndarray, normalise: str) -> np.ndarray:
    """Return samples (N,) float32 on the grid of 16 bit, in [-1, 1): what openSMILE makes of them is then exact.

    Args:
        samples: (N,) in [-1, 1]
        normalise: `peak`, largest magnitude to 32767 / 32768, or `none`

    Raises:
        ClipError: silent, nothing but zeros in 16 bit
    """
    peak = float(np.abs(samples).max())
    scale = (_FULL_SCALE - 1) / peak if normalise == "peak" and peak > 0 else _FULL_SCALE
    grid = np.clip(np.rint(samples.astype(np.float64) * scale), -_FULL_SCALE, _FULL_SCALE - 1)
    if not grid.any():
        raise ClipError("silent", "digital silence in 16 bit")
    return (grid / _FULL_SCALE).astype(np.float32)


class Extractor:
    """eGeMAPSv02 functionals by openSMILE."""

    def __init__(self, params: Params, weights: Path | None = None) -> None:  # noqa: ARG002
        self.normalise = params.normalise
        self.window = None if params.window_s is None else round(params.window_s * SOUND_HZ)
        names = tuple(_smile().feature_names)
        self.pitch = names.index(PITCH)
        self.meta = FeatureMeta(
            feature="egemaps",
            dimension=len(names),
            dtype="float32",
            rate_hz=SOUND_HZ / self.window if self.window else 0.0,
            columns=names,
            params=params.model_dump(),
        )

    def __call__(self, samples: np.ndarray) -> ClipFeatures:
        """Return (T, 88) for samples (N,) at `SOUND_HZ`; times are the middles of the rows' sound.

        Raises:
            ClipError: too_short, below 100 ms; silent, digital silence, or nowhere a voiced frame
        """
        if len(samples) < SHORTEST_S * SOUND_HZ:
            raise ClipError("too_short", f"{len(samples)} samples; a pitch needs {SHORTEST_S * SOUND_HZ:.0f}")
        sound = as_16_bit(samples, self.normalise)
        length = min(self.window or len(sound), len(sound))
        parts = sound[: len(sound) // length * length].reshape(-1, length)
        values = np.vstack([_smile().process_signal(part, SOUND_HZ).to_numpy() for part in parts]).astype(np.float32)
        mask = np.asarray(values[:, self.pitch] != 0)  # percentile over voiced frames, in semitones above 27.5 Hz
        if not mask.any():
            raise ClipError(
                "silent", f"no voiced frame in {len(sound) / SOUND_HZ:.2f} s; eGeMAPS is undefined without voice"
            )
        values[~mask] = np.nan
        return ClipFeatures(values, (np.arange(len(parts)) + 0.5) * length / SOUND_HZ, mask)
