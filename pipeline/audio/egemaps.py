"""The 88 functionals of eGeMAPSv02 by openSMILE: shared by the feature `egemaps` and by the source task `gender`.

Ouyang et al. 2017, section 4.1: "the extended version of GeMAPS (eGeMAPS)" of audio at 16 kHz and 16 bit, its samples
"normalized to the same range". Stated behaviour, each seen in what openSMILE returns:

    below 100 ms          too_short: NaN below 60 ms, and below 90 ms a pitch that may be an octave and more too low
    no voiced frame       not observed, so the row is masked: openSMILE gives 0 in 53 of 56 columns that need voice
                          (pitch, jitter, HNR, formants, all `V`) and -201 in 3; without a row left: no_voice
    no unvoiced frame     kept: the 5 columns `UV` are 0 there, with `MeanUnvoicedSegmentLength` 0 beside them
    samples of exactly 1  never given: openSMILE multiplies by 32768, and its 16-bit integers wrap round to -1
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from pipeline.audio.smile import smile
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, joined
from pipeline.media.audio_blocks import PIECE_S, Audio, overlapping

SHORTEST_S = 0.1
"""Below this length, s, openSMILE's pitch cannot be trusted."""
PITCH = "F0semitoneFrom27.5Hz_sma3nz_percentile50.0"
"""A percentile over voiced frames, in semitones above 27.5 Hz: 0 where there is none."""
_FULL_SCALE = 2**15


class EgemapsParams(Settings):
    """The set is fixed by its name."""

    normalise: Literal["peak", "none"] = Field(
        "peak", description="peak: the clip's loudest sample at full scale; none"
    )
    window_s: float | None = Field(
        None, ge=SHORTEST_S, description="s of audio per row; null = the whole clip, one row"
    )

    @property
    def window(self) -> int | None:
        """Samples of audio per row; None = all of the clip."""
        return None if self.window_s is None else round(self.window_s * AUDIO_HZ)


_SET = "eGeMAPSv02", "func"


def columns() -> tuple[str, ...]:
    """Return openSMILE's names of the 88 columns."""
    return tuple(smile(*_SET).feature_names)


def scale_of(peak: float, normalise: str) -> float:
    """Return what samples whose largest magnitude is `peak`, in [0, 1], are multiplied by for 16 bit; raise ClipError,
    silent, where they become nothing but zeros.
    """
    scale = (_FULL_SCALE - 1) / peak if normalise == "peak" and peak > 0 else _FULL_SCALE
    if np.rint(peak * scale) == 0:
        raise ClipError("silent", "digital silence in 16 bit")
    return scale


def as_16_bit(samples: np.ndarray, scale: float) -> np.ndarray:
    """Return samples (N,) float32 on the grid of 16 bit, in [-1, 1): what openSMILE makes of them is then exact."""
    grid = np.clip(np.rint(samples.astype(np.float64) * scale), -_FULL_SCALE, _FULL_SCALE - 1)
    return (grid / _FULL_SCALE).astype(np.float32)


def functionals(samples: np.ndarray, params: EgemapsParams) -> ClipFeatures:
    """Return (T, 88) float32 for samples (N,) at `AUDIO_HZ`; see `functionals_of`."""
    return joined(functionals_of(Audio.of(samples), params))


def functionals_of(audio: Audio, params: EgemapsParams) -> Iterator[ClipFeatures]:
    """Yield (n, 88) float32 for audio at `AUDIO_HZ`; times are the middles of the rows.

    Rows do not overlap, a rest at the end is left out, and audio below one window is one row. Windows are read one by
    one; a whole clip's functionals need all of it in memory, about 64 KB a second beside what openSMILE holds.

    Raises:
        ClipError: too_short, below `SHORTEST_S`; silent, digital silence; no_voice, nowhere a voiced frame
    """
    count, peak = 0, 0.0
    for block in audio.blocks():
        count, peak = count + len(block), max(peak, float(np.abs(block).max(initial=0)))
    if count < SHORTEST_S * AUDIO_HZ:
        raise ClipError("too_short", f"{count} samples; a pitch needs {SHORTEST_S * AUDIO_HZ:.0f}")
    scale = scale_of(peak, params.normalise)
    length = min(params.window or count, count)
    grid = (as_16_bit(block, scale) for block in audio.blocks())
    voiced = False
    for begin, samples in overlapping(grid, max(1, round(PIECE_S * AUDIO_HZ) // length) * length):
        parts = samples[: len(samples) // length * length].reshape(-1, length)
        if len(parts):
            rows = _rows(parts, begin)
            voiced = voiced or bool(rows.mask.any())
            yield rows
    if not voiced:
        raise ClipError("no_voice", f"no voiced frame in {count / AUDIO_HZ:.2f} s; eGeMAPS is undefined without voice")


def _rows(parts: np.ndarray, begin: int) -> ClipFeatures:
    """Return one row for each part (n, samples); the first begins at the sample `begin`."""
    values = np.vstack([smile(*_SET)(part, AUDIO_HZ)[0].T for part in parts]).astype(np.float32)
    mask = np.asarray(values[:, columns().index(PITCH)] != 0)
    values[~mask] = np.nan
    length = parts.shape[1]
    return ClipFeatures(values, (np.arange(len(parts)) + begin // length + 0.5) * length / AUDIO_HZ, mask)
