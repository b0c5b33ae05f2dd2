"""Which of the stretches that were followed without a break are one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.faces.tracking.optical_flow import resemblance
from pipeline.faces.tracking.patch import Place
from pipeline.faces.tracking.tracklet import Tracklet


@dataclass(frozen=True)
class _Near:
    """A stretch that begins so soon (s), so near (sides) and so large (ratio of sides) after another one continues it
    with less resemblance.
    """

    gap_s: float
    sides: float
    size: float
    alike: float


_NEAR = (_Near(1.0, 1.5, 1.6, 0.3), _Near(0.5, 0.4, 1.3, -1.0))

_FEW = 4
"""Drawn faces of a stretch that are compared."""
_NO_DOUBT = 0.95


@dataclass
class Track:
    """All stretches of one face, in the order of time."""

    tracklets: list[Tracklet]

    @property
    def end(self) -> int:
        """The last frame."""
        return self.tracklets[-1].frames[-1]


def join(tracklets: Sequence[Tracklet], times: np.ndarray, shots: np.ndarray, same_from: float) -> list[Track]:
    """Give each stretch to the face that it continues best, in the order in which they begin.

    A stretch continues a face that is not seen at the same time, either because it begins soon and near where that face
    was last in the same shot, or because it looks like it; otherwise it is a new face.

    Args:
        tracklets: in any order
        times: of the clip's frames, s
        shots: the number of each frame's shot
        same_from: `resemblance` from which two faces are the same person's

    Returns:
        in the order in which they appear
    """
    faces: list[Track] = []
    for stretch in sorted((t for t in tracklets if t.frames), key=lambda t: (t.frames[0], -t.places[2])):
        free = [face for face in faces if face.end < stretch.frames[0]]
        sure = [_affinity(face, stretch, times, shots, same_from) for face in free]
        if max(sure, default=0.0) > 0:
            free[sure.index(max(sure))].tracklets.append(stretch)
        else:
            faces.append(Track([stretch]))
    return faces


def _affinity(face: Track, stretch: Tracklet, times: np.ndarray, shots: np.ndarray, same_from: float) -> float:
    """Return how sure it is that a face goes on as a stretch, 0 = not at all."""
    last = face.tracklets[-1]
    alike = _alike(
        [*_few([t for part in face.tracklets for t in part.templates]), *_few(last.templates)], _few(stretch.templates)
    )
    gap = float(times[stretch.frames[0]] - times[face.end])
    same_shot = shots[face.end] == shots[stretch.frames[0]]
    if same_shot and any(gap <= near.gap_s and alike >= near.alike and _near(last, stretch, near) for near in _NEAR):
        return 2 + alike
    return alike if alike >= same_from else 0.0


def _alike(some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    """Return the best resemblance of any two; one that leaves no doubt ends the search."""
    best = -1.0
    for one in reversed(some):
        for other in others:
            best = max(best, resemblance(one, other))
            if best >= _NO_DOUBT:
                return best
    return best


def _few(templates: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return some that lie far apart in time."""
    return [templates[index] for index in sorted({round(at) for at in np.linspace(0, len(templates) - 1, _FEW)})]


def _near(one: Tracklet, other: Tracklet, near: _Near) -> bool:
    last, first = Place(*one.places[-4:]), Place(*other.places[:4])
    large = max(last.side, first.side)
    return bool(
        np.hypot(last.x - first.x, last.y - first.y) <= near.sides * large
        and large <= near.size * min(last.side, first.side)
    )
