"""Which of the stretches that were followed without a break are one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.faces.follow import resemblance
from pipeline.faces.patch import Place
from pipeline.faces.tracklet import Tracklet


@dataclass(frozen=True)
class _Near:
    """A stretch that begins so soon (s), so near (sides) and so large (ratio of sides) after another one continues it with less resemblance."""

    gap_s: float
    sides: float
    size: float
    alike: float


_NEAR = (_Near(1.0, 1.5, 1.6, 0.3), _Near(0.5, 0.4, 1.3, -1.0))


@dataclass
class Track:
    """All stretches of one face, in the order of time."""

    tracklets: list[Tracklet]

    @property
    def end(self) -> int:
        """The last frame."""
        return self.tracklets[-1].frames[-1]


def join(tracklets: Sequence[Tracklet], times: np.ndarray, shots: np.ndarray, same_from: float) -> list[Track]:
    """Join the stretches of each face, the likeliest pairs first.

    A stretch continues a face that ended before it began, either because it begins soon and near in the same shot, or
    because it looks like it.

    Args:
        tracklets: in any order
        times: of the clip's frames, s
        shots: the number of each frame's shot
        same_from: `resemblance` from which two faces are the same person's

    Returns:
        in the order in which they appear
    """
    waiting = sorted((t for t in tracklets if t.frames), key=lambda t: (t.frames[0], -t.places[2]))
    chains = [[t] for t in waiting]
    pairs = [(_affinity(a, b, times, shots, same_from), i, j) for i, a in enumerate(waiting) for j, b in enumerate(waiting) if a.frames[-1] < b.frames[0]]
    of = list(range(len(chains)))
    for affinity, i, j in sorted(pairs, key=lambda p: (-p[0], p[1], p[2])):
        one, other = chains[of[i]], chains[of[j]]
        if affinity > 0 and one is not other and _apart(one, other):
            keep, gone = of[i], of[j]
            chains[keep] = sorted(one + other, key=lambda t: t.frames[0])
            of = [keep if number == gone else number for number in of]
    return [Track(chains[number]) for number in dict.fromkeys(of)]


def _apart(one: Sequence[Tracklet], other: Sequence[Tracklet]) -> bool:
    """Return whether no stretch of one face overlaps any of another's in time."""
    return all(a.frames[-1] < b.frames[0] or b.frames[-1] < a.frames[0] for a in one for b in other)


def _affinity(one: Tracklet, other: Tracklet, times: np.ndarray, shots: np.ndarray, same_from: float) -> float:
    """Return how sure it is that one face goes on as another, 0 = not at all."""
    alike = max(resemblance(a, b) for a in one.templates for b in other.templates)
    gap = float(times[other.frames[0]] - times[one.frames[-1]])
    same_shot = shots[one.frames[-1]] == shots[other.frames[0]]
    if same_shot and any(gap <= near.gap_s and alike >= near.alike and _near(one, other, near) for near in _NEAR):
        return 2 + alike
    return alike if alike >= same_from else 0.0


def _near(one: Tracklet, other: Tracklet, near: _Near) -> bool:
    last, first = Place(*one.places[-4:]), Place(*other.places[:4])
    large = max(last.side, first.side)
    return bool(np.hypot(last.x - first.x, last.y - first.y) <= near.sides * large and large <= near.size * min(last.side, first.side))
