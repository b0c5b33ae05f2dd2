"""Windows of 64 frames over a clip, Zhang et al. 2017, section III.A.

A window of 64 frames of 25 ms, 10 ms apart, lasts 10 x 63 + 25 = 655 ms; the next begins 30 frames later. Sound and
pictures use the same grid in time, so that the n-th window of both is the same piece, whatever their rates.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from pipeline.audio.spectral import deltas
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures, ClipReader


class WindowParams(Settings):
    """The grid; the defaults are the paper's."""

    length: int = Field(
        64, ge=1, description="frames in a window {Zhang Table IV: 15 for *.anet15.*} {Zhang III.A.1: 64}"
    )
    shift: int = Field(
        30,
        ge=1,
        description="frames from one window to the next, `length` at most. For 15 frames the paper names none; 7 is "
        "the share of a window that 30 is of 64 {Zhang III.A.1: 30}",
    )
    frame_ms: float = Field(25.0, gt=0, description="length of a frame, ms; as extract.logmel.window_ms")
    hop_ms: float = Field(10.0, gt=0, description="from one frame to the next, ms; as extract.logmel.hop_ms")

    @model_validator(mode="after")
    def _everything_is_seen(self) -> Self:
        if self.shift > self.length:
            missed = f"{self.shift - self.length} of {self.shift} frames would be in no window"
            raise ValueError(f"a shift of {self.shift} is more than the length of {self.length}: {missed}; lower shift")
        return self

    @property
    def seconds(self) -> float:
        return ((self.length - 1) * self.hop_ms + self.frame_ms) / 1000

    def starts(self, frames: int) -> np.ndarray:
        """Return the first frame of every window that lies wholly in `frames` frames; [0] where none does."""
        return np.arange(0, max(1, frames - self.length + 1), self.shift)

    def frames(self, seconds: float) -> int:
        # a hair more than the time, so that 0.655 s holds the 64 frames that it is made of
        return max(0, math.floor((seconds * 1000 - self.frame_ms) / self.hop_ms + 1e-6) + 1)

    def begins(self, starts: np.ndarray) -> np.ndarray:
        """Return when windows begin, s."""
        return starts * self.hop_ms / 1000

    def centres(self, starts: np.ndarray) -> np.ndarray:
        """Return the middle of windows, s."""
        return self.begins(starts) + self.seconds / 2


def pieces(
    clip: ClipFeatures | ClipReader,
    spans: Iterable[tuple[int, int]],
    rows: int,
    take: Callable[[ClipFeatures], np.ndarray],
) -> Iterator[np.ndarray]:
    """Yield pieces of a clip, which is read in blocks of `rows` rows: only what coming pieces may need is in memory.

    `spans` are (first row, row behind the last) of each piece, which never decrease; `take` picks an array of a block.
    """
    blocks = clip.blocks(rows)
    held, begin = take(next(blocks)), 0
    for first, end in spans:
        while begin + len(held) < end:
            passed = min(first - begin, len(held))
            held, begin = np.concatenate([held[passed:], take(next(blocks))]), begin + passed
        yield held[first - begin : end - begin]


def cut(values: np.ndarray, start: int, length: int) -> np.ndarray:
    """Return `length` rows of (T, D) from `start` on; where there are fewer, the first and last are repeated evenly, as
    the paper does with short video segments (section III.A.2).
    """
    piece = values[start : start + length]
    missing = length - len(piece)
    return np.pad(piece, ((missing // 2, missing - missing // 2), (0, 0)), mode="edge") if missing else piece


def channels(window: np.ndarray, reach: int = 2) -> np.ndarray:
    """Return static, delta and delta-delta of a log mel window as a picture, Zhang et al. 2017, eq. (1), N = `reach`.

    (3, M, L) float32 for a window of (L, M), frames by bands: bands from low to high, time from left to right;
    derivatives are taken within the window.
    """
    first = deltas(window, reach)
    return np.stack([window, first, deltas(first, reach)]).transpose(0, 2, 1).astype(np.float32)
