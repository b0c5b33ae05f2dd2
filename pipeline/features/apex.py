"""Onset and apex of an expression, by the energy of its motion: shared by `hog` and `landmarks68`.

The rule, on one descriptor (D,) of each video frame that shows the face:

1. Descriptors are smoothed over time by a moving average, so that a blink or a badly placed frame is no apex.
2. The energy of a change is the squared distance of two descriptors. The frame with most of it from the clip's mean,
   and the frame with most of it from that one, are the two states of the face that the clip moves between: the pair
   that is farthest apart, or nearly so, in a time that grows with the clip's length and not with its square.
3. The later of the two is the apex, the frame of largest accumulated change; the earlier one is the onset.

So both are found by what the face does; the clip's ends are taken where they hold the largest change, and not else. One
descriptor does not tell an expression from its absence: of a clip that begins at its apex and comes to rest the rule
takes the way back, and the change has the other sign. Tried and left out: to call the rest what is nearer to the clip's
mean, which turned 68 % of real clips round whose face holds the apex; and the contrast of the face, which is higher at
the apex in half of them. A clip without motion, or with one observed frame, is its own onset and apex: a change of 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from pydantic import Field

from pipeline.core.errors import ClipError
from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures


class ApexParams(Settings):
    """Where onset and apex are."""

    smooth: int = Field(
        5, ge=1, le=99, description="observed frames that a descriptor is averaged over, odd; fewer in clips below 8"
    )
    change: bool = Field(
        True,
        description="whether the change since the onset stands beside the apex; false where clips begin amid "
        "an expression, so that it is noise (docs/handcrafted.md)",
    )

    @property
    def parts(self) -> tuple[str, ...]:
        """What a row is made of, in order."""
        return ("apex", "change") if self.change else ("apex",)


def smoothed(descriptors: np.ndarray, frames: int) -> np.ndarray:
    """Return the moving average of (T, D) over a window of `frames`, centred, cut off at the ends, float64 (T, D).

    The window is odd and at most about half of the clip, so that two frames stay two states.
    """
    count = len(descriptors)
    half = min((frames - 1) // 2, count // 4)
    sums = np.concatenate([np.zeros((1, descriptors.shape[1])), np.cumsum(descriptors, axis=0, dtype=np.float64)])
    first, last = np.maximum(np.arange(count) - half, 0), np.minimum(np.arange(count) + half + 1, count)
    return (sums[last] - sums[first]) / (last - first)[:, None]


def onset_and_apex(states: np.ndarray) -> tuple[int, int]:
    """Return the numbers of onset and apex among smoothed descriptors (T, D), T at least 1; see above.

    >>> strength = np.array([0.0, 0.0, 0.1, 0.7, 1.0, 0.9, 0.4, 0.3])
    >>> onset_and_apex(strength[:, None] * np.ones(3))
    (0, 4)
    """
    one = _farthest(states, states.mean(axis=0))
    other = _farthest(states, states[one])
    return min(one, other), max(one, other)


def _farthest(states: np.ndarray, place: np.ndarray) -> int:
    energy = ((states - place) ** 2).sum(axis=1)
    # sums are rounded: what differs by less than that is one energy, and the first frame of it counts
    return int(np.argmax(energy >= energy.max() * (1 - 1e-9) - 1e-18))


def at_apex(rows: Iterable[np.ndarray], times: np.ndarray, params: ApexParams) -> Iterator[ClipFeatures]:
    """Yield the one row (1, 2 D) float32 of a clip: the smoothed descriptor at the apex, then its change since onset,
    or (1, D) without; its time is that of the apex, s.

    Args:
        rows: the (D,) of each observed frame; all of them are held, 4 bytes a value
        times: (T,) of these frames, s
        params: how much is smoothed

    Raises:
        ClipError: no_face, no frame was observed
    """
    if not len(times):
        raise ClipError("no_face", "no frame shows the face")
    states = smoothed(np.stack([row.astype(np.float32) for row in rows]), params.smooth)
    onset, apex = onset_and_apex(states)
    parts = {"apex": states[apex], "change": states[apex] - states[onset]}
    values = np.concatenate([parts[name] for name in params.parts])[None]
    yield ClipFeatures(values.astype(np.float32), times[apex : apex + 1], np.ones(1, bool))
