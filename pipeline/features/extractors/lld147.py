"""lld147: 49 low-level descriptors with first and second derivatives, Huang et al. 2017, section 3.1.

Paper: the handcrafted baseline, "ComParE with MFCC 0 and the first and second derivatives of all LLDs", 147 in all,
by openSMILE. Weights: none. Output: (T, 147) float32, 100 frames a second; units as in the column names.

147 = 3 x 49, and the paper does not name the 49, while ComParE has 65 LLDs (66 with MFCC 0). The choice here keeps
every descriptor that has no close neighbour (4 energy, 15 spectral, 6 voicing, MFCC 0 to 14: 40) and thins out the
one block of near copies, the 26 RASTA-filtered auditory bands, to every third: 9. See docs/decisions/0004-lld147.md.

A clip of more than `PIECE_S` goes through openSMILE in pieces of that length, beside `BEFORE` and `AFTER` of sound
whose rows are thrown away: openSMILE itself would keep all that it computes. On 4 min of EMO-DB in 143 pieces all 49
were equal bit by bit to those of the whole; promised is less than 1e-5 of a descriptor's deviation. What takes so long
is the RASTA filter, which forgets by 0.94 a frame: with 3 s before, last bits differ, with 1 s up to 5 % of a
deviation.
"""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from pipeline.audio.smile import smile
from pipeline.audio.spectral import AUDIO_HZ, REACH, with_derivatives
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures
from pipeline.features.extractors._sound import meta_of, timed
from pipeline.media.audio_blocks import PIECE_S, Audio, over_seams, overlapping

INPUT = "sound"
SHORTEST = round(0.08 * AUDIO_HZ)
HOP = round(0.01 * AUDIO_HZ)
BEFORE, AFTER = 4 * AUDIO_HZ, AUDIO_HZ
"""Samples to either side that a piece of a long clip is computed with."""

ROWS = 500
"""Frames whose derivatives are taken at a time: of all at once they would need more memory than openSMILE."""

_STEPS = (
    ("frame", "cFramer", "wave", "frames",
     "frameSize = 0.020", "frameStep = 0.010", "frameCenterSpecial = left", "noPostEOIprocessing = 1"),
    ("window", "cWindower", "frames", "windowed", "winFunc = ham", "gain = 1.0"),
    ("fft", "cTransformFFT", "windowed", "spectrum"),
    ("magnitude", "cFFTmagphase", "spectrum", "magnitude"),
    ("mel", "cMelspec", "magnitude", "bands",
     "htkcompatible = 1", "usePower = 1", "nBands = 26", "lofreq = 20", "hifreq = 8000"),
    ("mfcc", "cMfcc", "bands", "cepstrum", "firstMfcc = 0", "lastMfcc = 0", "cepLifter = 22", "htkcompatible = 1"),
    ("smooth", "cContourSmoother", "cepstrum", "lld", "nameAppend = sma", "smaWin = 3", "noPostEOIprocessing = 0"),
)  # fmt: skip
"""Components of openSMILE for MFCC 0: name, type, the level that is read, the level that is written, settings."""

_RING = ("writer.levelconf.isRb = 1", "writer.levelconf.growDyn = 0", "writer.levelconf.nT = 5")
"""A level of which openSMILE keeps five frames: it would keep all of them, 30 MB for 35 s of sound."""


def _configuration() -> str:
    """Return MFCC 0 in openSMILE's language, as ComParE computes its MFCC 1 to 14."""
    lines = ["", "[componentInstances:cComponentManager]", "instance[dataMemory].type = cDataMemory"]
    lines += [f"instance[{name}].type = {kind}" for name, kind, *_ in _STEPS]
    lines += ["\\{\\cm[source{?}:external source]}"]
    for name, kind, reads, writes, *settings in _STEPS:
        ring = _RING if writes != "lld" else ()
        lines += [f"[{name}:{kind}]", f"reader.dmLevel = {reads}", f"writer.dmLevel = {writes}", *ring, *settings]
    return "\n".join([*lines, "\\{\\cm[sink{?}:external sink]}", ""])


class Params(Settings):
    """The set is fixed by its name; only the thinning of the RASTA bands is open."""

    rasta_every: int = Field(
        3, ge=3, le=3, description="keep every n-th of the 26 RASTA bands; 3 gives the paper's 147"
    )


_COMPARE = "ComParE_2016", "lld"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder for the configuration, which openSMILE reads for each sound anew; gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="mfcc0-")


@cache
def _mfcc0() -> Any:
    """Return openSMILE with MFCC 0 as ComParE computes its MFCC 1 to 14: 20 ms, 26 bands, lifter 22, smoothed by 3."""
    path = Path(_folder().name) / "mfcc0.conf"
    path.write_text(_configuration(), encoding="ascii")
    return smile(str(path), "lld")


def chosen_columns(names: list[str], rasta_every: int) -> list[str]:
    """Return the ComParE LLDs that are kept, in ComParE's order: all but the thinned RASTA bands."""
    rasta = [name for name in names if name.startswith("audSpec_Rfilt_sma[")]
    dropped = set(rasta) - set(rasta[::rasta_every])
    return [name for name in names if name not in dropped]


def _times(count: int, first: int) -> np.ndarray:
    # frames begin every 10 ms; the pitch window is 60 ms long and its centre stands for the frame (the spectral windows
    # are 20 ms long and begin with it)
    return np.arange(first, first + count) * 0.01 + 0.03


class Extractor:
    """49 LLDs by openSMILE, derivatives over two frames to either side."""

    def __init__(self, params: Params, weights: Path | None = None) -> None:  # noqa: ARG002
        names = smile(*_COMPARE).feature_names
        self.kept = chosen_columns(names, params.rasta_every)
        self.columns = [names.index(name) for name in self.kept]
        static = [*self.kept, "mfcc_sma[0]"]
        columns = [f"{name}{suffix}" for suffix in ("", "_de", "_dede") for name in static]
        self.meta = meta_of("lld147", columns, 100.0, params)

    def __call__(self, sound: Audio) -> Iterator[ClipFeatures]:
        """Yield (n, 147) for sound at `AUDIO_HZ`; `ClipError` for less than 80 ms, which give no smoothed pitch."""
        rows = over_seams(self._static(sound), REACH, with_derivatives)
        return timed(rows, _times, f"openSMILE's smoothed pitch needs {1000 * SHORTEST / AUDIO_HZ:g} ms")

    def _static(self, sound: Audio) -> Iterator[np.ndarray]:
        """Yield the descriptors without derivatives, (n, 49) float64, of one piece of sound after the other."""
        step = round(PIECE_S * AUDIO_HZ) // HOP * HOP
        for begin, samples in overlapping(sound.blocks(), step, BEFORE, AFTER):
            if len(samples) < SHORTEST:  # of the clip: later pieces see what is before them
                return
            compare, mfcc0 = (each(samples, AUDIO_HZ)[0].T for each in (smile(*_COMPARE), _mfcc0()))
            frames = min(len(compare), len(mfcc0))
            rows = np.hstack([compare[:frames, self.columns], mfcc0[:frames]]).astype(np.float64)
            before = min(begin, BEFORE) // HOP
            own = rows[before : before + step // HOP]
            yield from (own[first : first + ROWS] for first in range(0, len(own), ROWS))
