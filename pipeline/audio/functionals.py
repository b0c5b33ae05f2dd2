"""Functionals of a whole clip, or of windows of it, by openSMILE: shared by `egemaps` and `compare16`.

Stated behaviour, each seen in what openSMILE returns:

    below 100 ms          too_short: NaN below 60 ms, and below 90 ms a pitch that may be an octave and more too low
    no voiced frame       not observed, so the row is masked: columns that need voice are 0 there, which looks like a
                          value; without a row left: no_voice
    no unvoiced frame     kept
    samples of exactly 1  never given: openSMILE multiplies by 32768, and its 16-bit integers wrap round to -1
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from pydantic import Field

from pipeline.audio.smile import smile
from pipeline.audio.spectral import AUDIO_HZ
from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures
from pipeline.media.audio_blocks import PIECE_S, Audio, overlapping

SHORTEST_S = 0.1
"""Below this length, s, openSMILE's pitch cannot be trusted."""
_FULL_SCALE = 2**15


class FunctionalParams(Settings):
    """How audio is given to openSMILE; which functionals there are is fixed by the name of their set."""

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


class FunctionalSet(NamedTuple):
    """A set of functionals by openSMILE's name, and the column that is 0 where no frame is voiced and never else."""

    name: str
    voiced: str

    @property
    def columns(self) -> tuple[str, ...]:
        """openSMILE's names of the columns."""
        return tuple(smile(self.name, "func").feature_names)


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


def functionals_of(audio: Audio, params: FunctionalParams, chosen: FunctionalSet) -> Iterator[ClipFeatures]:
    """Yield (n, D) float32, D columns of the set, for audio at `AUDIO_HZ`; times are the middles of the rows, s.

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
            rows = _rows(parts, begin, chosen)
            voiced = voiced or bool(rows.mask.any())
            yield rows
    if not voiced:
        told = (
            f"no voiced frame in {count / AUDIO_HZ:.2f} s; {chosen.name.removesuffix('v02')} is undefined without voice"
        )
        raise ClipError("no_voice", told)


def _rows(parts: np.ndarray, begin: int, chosen: FunctionalSet) -> ClipFeatures:
    """Return one row for each part (n, samples); the first begins at the sample `begin`."""
    values = np.vstack([smile(chosen.name, "func")(part, AUDIO_HZ)[0].T for part in parts]).astype(np.float32)
    mask = np.asarray(values[:, chosen.columns.index(chosen.voiced)] != 0)
    values[~mask] = np.nan
    length = parts.shape[1]
    return ClipFeatures(values, (np.arange(len(parts)) + begin // length + 0.5) * length / AUDIO_HZ, mask)
