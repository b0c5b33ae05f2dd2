"""Which of the stretches that were followed without a break are one face, and which face a clip is about."""

import math
from collections.abc import Sequence

import numpy as np

from pipeline.faces.tracking.optical_flow import resemblance
from pipeline.faces.tracking.patch import Place
from pipeline.faces.tracking.tracklet import Tracklet

Track = list[Tracklet]
"""All stretches of one face, in the order of time."""

_NEAR = ((1.0, 1.5, 1.6, 0.3), (0.5, 0.4, 1.3, -1.0))
"""A stretch that begins so soon (s), so near (sides) and so large (ratio of sides) after another one continues it with
less resemblance, the last number.
"""
_FEW = 4  # drawn faces of a stretch that are compared
_NO_DOUBT = 0.95

_LEAST_AGREEMENT = 0.05
"""Also what a mouth gets that does not move with the sound; nobody's weight is 0 for that alone."""
_MOVES = 0.1
"""Deviation of a mouth's motion, grey levels, under which it is noise of coding: that goes with any sound by chance."""
_SMOOTH = np.array([0.25, 0.5, 0.25])


def join(tracklets: Sequence[Tracklet], times: np.ndarray, shots: np.ndarray, same_from: float) -> list[Track]:
    """Give each stretch to the face that it continues best, in the order in which they begin.

    A stretch continues a face that is not seen at the same time, either because it begins soon and near where that face
    was last in the same shot, or because it looks like it, by a `resemblance` of `same_from`; otherwise it is a new
    face. Times, s, and numbers of shots are those of the clip's frames.
    """
    faces: list[Track] = []
    for stretch in sorted((t for t in tracklets if t.frames), key=lambda t: (t.frames[0], -t.places[2])):
        free = [face for face in faces if face[-1].frames[-1] < stretch.frames[0]]
        sure = [_affinity(face, stretch, times, shots, same_from) for face in free]
        if max(sure, default=0.0) > 0:
            free[sure.index(max(sure))].append(stretch)
        else:
            faces.append([stretch])
    return faces


def _affinity(face: Track, stretch: Tracklet, times: np.ndarray, shots: np.ndarray, same_from: float) -> float:
    """Return how sure it is that a face goes on as a stretch, 0 = not at all."""
    known = [*_few([t for part in face for t in part.templates]), *_few(face[-1].templates)]
    alike = _alike(known, _few(stretch.templates))
    end, begin = face[-1].frames[-1], stretch.frames[0]
    gap = float(times[begin] - times[end])
    if shots[end] == shots[begin] and any(
        gap <= most_s and alike >= least and _near(face[-1], stretch, sides, ratio)
        for most_s, sides, ratio, least in _NEAR
    ):
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


def _near(one: Tracklet, other: Tracklet, sides: float, ratio: float) -> bool:
    last, first = Place(*one.places[-4:]), Place(*other.places[:4])
    small, large = sorted((last.side, first.side))
    return bool(np.hypot(last.x - first.x, last.y - first.y) <= sides * large and large <= ratio * small)


def ranked(
    faces: Sequence[Track], factors: Sequence[str], loudness: np.ndarray | None = None
) -> tuple[list[Track], list[float]]:
    """Return the faces with their weights, the subject first; of equal ones the one that comes first.

    The weight is the product of factors: `length`, frames; `size`, mean side of the box, px; `score`, mean of the
    detector's, negative ones as 0; `mouth`, correlation of the mouth's motion with the loudness of the sound in each
    frame, (T,), None = there is none, and mouths do not count.
    """
    weights = [math.prod(_factor(face, name, loudness) for name in factors) for face in faces]
    order = sorted(range(len(faces)), key=lambda number: (-weights[number], number))
    return [faces[number] for number in order], [weights[number] for number in order]


def _factor(face: Track, name: str, loudness: np.ndarray | None) -> float:
    if name == "length":
        return float(sum(len(t.frames) for t in face))
    if name == "size":
        return float(np.mean(np.concatenate([np.asarray(t.places)[2::4] for t in face])))
    if name == "mouth":
        return 1.0 if loudness is None else _agreement(face, loudness)
    return float(np.mean([max(0.0, found.score) for t in face for found in t.found]))


def _agreement(face: Track, loudness: np.ndarray) -> float:
    """Return the correlation of the mouth's motion with the sound, smoothed over three frames; at least a little."""
    motion = {frame: value for tracklet in face for frame, value in tracklet.mouth.items()}
    frames = sorted(motion)
    if len(frames) < len(_SMOOTH):
        return _LEAST_AGREEMENT
    rows = [motion[frame] for frame in frames], loudness[frames]
    moved, heard = (np.convolve(row, _SMOOTH, "same") for row in rows)
    if moved.std() < _MOVES or heard.std() == 0:
        return _LEAST_AGREEMENT
    return max(_LEAST_AGREEMENT, float(np.corrcoef(moved, heard)[0, 1]))
