"""lld147: 49 low-level descriptors with first and second derivatives, Huang et al. 2017, section 3.1.

Paper: the handcrafted baseline, "ComParE with MFCC 0 and the first and second derivatives of all LLDs", 147 in all,
by openSMILE. Weights: none. Output: (T, 147) float32, 100 frames a second; units as in the column names.

147 = 3 x 49, and the paper does not name the 49, while ComParE has 65 LLDs (66 with MFCC 0). The choice here keeps
every descriptor that has no close neighbour (4 energy, 15 spectral, 6 voicing, MFCC 0 to 14: 40) and thins out the
one block of near copies, the 26 RASTA-filtered auditory bands, to every third: 9. See docs/decisions/0004-lld147.md.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.signal import SOUND_HZ, with_derivatives

INPUT = "sound"
SHORTEST = round(0.08 * SOUND_HZ)

_MFCC0_CONF = """
[componentInstances:cComponentManager]
instance[dataMemory].type = cDataMemory
instance[frame].type = cFramer
instance[window].type = cWindower
instance[fft].type = cTransformFFT
instance[magnitude].type = cFFTmagphase
instance[mel].type = cMelspec
instance[mfcc].type = cMfcc
instance[smooth].type = cContourSmoother
\\{\\cm[source{?}:external source]}
[frame:cFramer]
reader.dmLevel = wave
writer.dmLevel = frames
frameSize = 0.020
frameStep = 0.010
frameCenterSpecial = left
noPostEOIprocessing = 1
[window:cWindower]
reader.dmLevel = frames
writer.dmLevel = windowed
winFunc = ham
gain = 1.0
[fft:cTransformFFT]
reader.dmLevel = windowed
writer.dmLevel = spectrum
[magnitude:cFFTmagphase]
reader.dmLevel = spectrum
writer.dmLevel = magnitude
[mel:cMelspec]
reader.dmLevel = magnitude
writer.dmLevel = bands
htkcompatible = 1
usePower = 1
nBands = 26
lofreq = 20
hifreq = 8000
[mfcc:cMfcc]
reader.dmLevel = bands
writer.dmLevel = cepstrum
firstMfcc = 0
lastMfcc = 0
cepLifter = 22
htkcompatible = 1
[smooth:cContourSmoother]
reader.dmLevel = cepstrum
writer.dmLevel = lld
nameAppend = sma
smaWin = 3
noPostEOIprocessing = 0
\\{\\cm[sink{?}:external sink]}
"""


class Params(Settings):
    """The set is fixed by its name; only the thinning of the RASTA bands is open."""

    rasta_every: int = Field(3, ge=3, le=3, description="keep every n-th of the 26 RASTA bands; 3 gives the paper's 147")


@cache
def _compare() -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.ComParE_2016, opensmile.FeatureLevel.LowLevelDescriptors)


@cache
def _mfcc0() -> Any:
    """Return openSMILE with MFCC 0 as ComParE computes its MFCC 1 to 14: 20 ms, 26 bands, lifter 22, smoothed by 3."""
    import opensmile

    path = Path(tempfile.mkdtemp(prefix="mfcc0-")) / "mfcc0.conf"
    path.write_text(_MFCC0_CONF, encoding="ascii")
    smile = opensmile.Smile(str(path), "lld")
    smile.feature_names  # noqa: B018 - openSMILE reads the file once more at the first use; see that it can
    return smile


def chosen_columns(names: list[str], rasta_every: int) -> list[str]:
    """Return the ComParE LLDs that are kept, in ComParE's order: all but the thinned RASTA bands."""
    rasta = [name for name in names if name.startswith("audSpec_Rfilt_sma[")]
    dropped = set(rasta) - set(rasta[::rasta_every])
    return [name for name in names if name not in dropped]


class Extractor:
    """49 LLDs by openSMILE, derivatives over two frames to either side."""

    def __init__(self, params: Params, weights: Path | None = None) -> None:  # noqa: ARG002
        self.kept = chosen_columns(_compare().feature_names, params.rasta_every)
        static = [*self.kept, "mfcc_sma[0]"]
        self.meta = FeatureMeta(
            feature="lld147",
            dimension=3 * len(static),
            dtype="float32",
            rate_hz=100.0,
            columns=tuple(f"{name}{suffix}" for suffix in ("", "_de", "_dede") for name in static),
            params=params.model_dump(),
        )

    def __call__(self, samples: np.ndarray) -> ClipFeatures:
        """Return (T, 147) for samples (N,) at `SOUND_HZ`.

        Raises:
            ClipError: less than 80 ms of sound, from which openSMILE gives no smoothed pitch
        """
        if len(samples) < SHORTEST:
            raise ClipError("too_short", f"{len(samples)} samples; openSMILE's smoothed pitch needs {SHORTEST}")
        compare = _compare().process_signal(samples, SOUND_HZ)
        mfcc0 = _mfcc0().process_signal(samples, SOUND_HZ)
        frames = min(len(compare), len(mfcc0))
        static = np.hstack([compare[self.kept].to_numpy()[:frames], mfcc0.to_numpy()[:frames]]).astype(np.float64)
        values = with_derivatives(static).astype(np.float32)
        mask = np.asarray(np.isfinite(values).all(axis=1))
        # frames begin every 10 ms; the pitch window is 60 ms long and its centre stands for the frame (the spectral
        # windows are 20 ms long and begin with it)
        times = np.arange(frames) * 0.01 + 0.03
        return ClipFeatures(values, times, mask)
