"""Which of several faces a clip is about."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.faces.tracking.identity import Track

_LEAST_AGREEMENT = 0.05
"""Also what a mouth gets that does not move with the sound; nobody's weight is 0 for that alone."""
_MOVES = 0.1
"""Standard deviation of a mouth's motion, grey levels, under which it is the coding's noise: that goes with any sound
by chance.
"""
_SMOOTH = np.array([0.25, 0.5, 0.25])


def ranked(
    faces: Sequence[Track], factors: Sequence[str], loudness: np.ndarray | None = None
) -> tuple[list[Track], list[float]]:
    """Return the faces with their weights, the subject first; of equal ones the one that came first.

    Args:
        faces: in the order in which they appear
        factors: what the weight is the product of: `length`, frames; `size`, mean side of the box, px; `score`, mean of
            the
            detector's, negative ones as 0; `mouth`, correlation of the mouth's motion with the loudness of the sound
        loudness: of the sound in each frame, (T,); None = there is none, and mouths do not count
    """
    weights = [math.prod(_factor(face, name, loudness) for name in factors) for face in faces]
    order = sorted(range(len(faces)), key=lambda number: (-weights[number], number))
    return [faces[number] for number in order], [weights[number] for number in order]


def _factor(face: Track, name: str, loudness: np.ndarray | None) -> float:
    if name == "length":
        return float(sum(len(t.frames) for t in face.tracklets))
    if name == "size":
        return float(np.mean(np.concatenate([np.asarray(t.places)[2::4] for t in face.tracklets])))
    if name == "mouth":
        return 1.0 if loudness is None else _agreement(face, loudness)
    return float(np.mean([max(0.0, found.score) for t in face.tracklets for found in t.found]))


def _agreement(face: Track, loudness: np.ndarray) -> float:
    """Return the correlation of the mouth's motion with the sound, both smoothed over three frames; at least a
    little.
    """
    motion = {frame: value for tracklet in face.tracklets for frame, value in tracklet.mouth.items()}
    frames = sorted(motion)
    if len(frames) < len(_SMOOTH):
        return _LEAST_AGREEMENT
    moved, heard = (
        np.convolve(row, _SMOOTH, "same") for row in ([motion[frame] for frame in frames], loudness[frames])
    )
    if moved.std() < _MOVES or heard.std() == 0:
        return _LEAST_AGREEMENT
    return max(_LEAST_AGREEMENT, float(np.corrcoef(moved, heard)[0, 1]))
