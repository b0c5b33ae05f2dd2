"""Which frames of a clip make up one video segment, Zhang et al. 2017, section III.A.2; frame numbers only.

A segment holds the frames of one window in time. C3D takes 16 of them: "we delete the first and last (L-16)/2
overlapping frames if a video segment has L >= 16 frames. On the contrary, for L < 16 we repeat the first and last
(16-L)/2 overlapping frames."

Two things are left open and settled here. Where L-16 is odd, the smaller half falls to the beginning. To repeat "the
first (16-L)/2 frames" is impossible where L is less than that; the first frame and the last frame are repeated instead.
"""

import numpy as np

_EPSILON_S = 1e-6  # timestamps are decimal fractions, windows begin at multiples of 10 ms


def frames_in(times: np.ndarray, start: float, end: float) -> tuple[int, int]:
    """Return which frames have their time in [start, end), s: (the first, the one behind the last), the same number
    twice where there is none; `times` (T,) increase.
    """
    first, behind = np.searchsorted(times, [start - _EPSILON_S, end - _EPSILON_S]).tolist()
    return first, behind


def sixteen(available: int, count: int = 16) -> np.ndarray:
    """Return which of the frames of a segment to take: the middle ones, or all with the edge frames repeated; (count,)
    int64 in [0, available), not decreasing. Raises ValueError where there is no frame.
    """
    if available < 1:
        raise ValueError("a segment without a frame")
    surplus = available - count
    first = surplus // 2 if surplus >= 0 else -(-surplus // 2)  # both towards 0
    return np.clip(np.arange(first, first + count), 0, available - 1)


def filled(mask: np.ndarray) -> np.ndarray:
    """Return the frame to take in the place of each: itself, or where it shows no face the nearest that does, of two
    equally near, the earlier; (L,) int64, not decreasing, for a mask (L,) of those that show it. Raises ValueError
    where none does.
    """
    observed = np.flatnonzero(mask)
    if not len(observed):
        raise ValueError("no frame shows the face")
    return observed[np.abs(np.arange(len(mask))[:, None] - observed).argmin(axis=1)]
