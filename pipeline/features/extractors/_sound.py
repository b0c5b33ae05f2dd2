"""What the features of sound share: what their files say, and consecutive rows of frames with their times."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from pipeline.audio.spectral import Frames, LogMelParams, MfccParams
from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, FeatureMeta
from pipeline.media.audio_blocks import PIECE_S, Audio, overlapping

Params = TypeVar("Params", LogMelParams, MfccParams)
Item = TypeVar("Item")
Rows = Iterable[np.ndarray]


def meta_of(feature: str, columns: Sequence[str], rate_hz: float, params: Settings) -> FeatureMeta:
    """Return the attributes of a feature of sound."""
    return FeatureMeta(feature, len(columns), "float32", rate_hz, tuple(columns), params=params.model_dump())


def timed(rows: Rows, times: Callable[[int, int], np.ndarray], too_short: str) -> Iterator[ClipFeatures]:
    """Yield consecutive rows (n, D) as float32; one with a value that is not finite counts as not observed.

    `times` gives those of so many rows from a number on, s; `too_short` is what `ClipError` says where there is no row.
    """
    done = 0
    for block in rows:
        values = block.astype(np.float32)
        yield ClipFeatures(values, times(len(block), done), np.asarray(np.isfinite(values).all(axis=1)))
        done += len(block)
    if not done:
        raise ClipError("too_short", too_short)


def begun(items: Iterator[Item]) -> Iterator[Item]:
    """Return the same items, of which the first is made here and now: for a network's input, which the thread that
    reads the next clip then prepares beside the forward pass.
    """
    return chain(list(islice(items, 1)), items)


def of_frames(
    sound: Audio,
    params: Params,
    compute: Callable[[np.ndarray, Params], np.ndarray],
    derive: Callable[[Rows], Rows] = lambda rows: rows,
) -> Iterator[ClipFeatures]:
    """Yield what `compute` makes of the frames of each piece of sound, and `derive` of all its rows."""
    frames = Frames(params)
    pieces = overlapping(sound.blocks(), frames.step(PIECE_S), after=frames.overlap)
    computed = (compute(samples, params) for _, samples in pieces)
    rows = derive(block for block in computed if len(block))
    return timed(rows, frames.times, f"less sound than a frame of {params.window_ms:g} ms")
