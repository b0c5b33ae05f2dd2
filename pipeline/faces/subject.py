"""Which of several faces a clip is about."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pipeline.faces.identity import Track


def ranked(faces: Sequence[Track], factors: Sequence[str]) -> tuple[list[Track], list[float]]:
    """Return the faces with their weights, the subject first; of equal ones the one that came first.

    Args:
        faces: in the order in which they appear
        factors: what the weight is the product of: `length`, frames; `size`, mean side of the box, px; `score`, mean of the
            detector's, negative ones as 0
    """
    weights = [math.prod(_factor(face, name) for name in factors) for face in faces]
    order = sorted(range(len(faces)), key=lambda number: (-weights[number], number))
    return [faces[number] for number in order], [weights[number] for number in order]


def _factor(face: Track, name: str) -> float:
    if name == "length":
        return float(sum(len(t.frames) for t in face.tracklets))
    if name == "size":
        return float(np.mean(np.concatenate([np.asarray(t.places)[2::4] for t in face.tracklets])))
    return float(np.mean([max(0.0, found.score) for t in face.tracklets for found in t.found]))
