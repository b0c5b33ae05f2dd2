"""Follow one face from frame to frame by what its pixels do, between two detections.

The face is drawn upright and at one size from where it is expected (`PATCH` x `PATCH`), and points on it are found
again by optical flow (B. D. Lucas, T. Kanade, 1981, in J.-Y. Bouguet's pyramids), forward and backward; a point that
does not come back to where it began is not counted (Z. Kalal et al., "Forward-backward error", ICPR 2010). The other
points' common turn, scale and shift is the face's. Whether that is still the face is asked of the picture: its
correlation with the template.
"""

import cmath
import math
from typing import Any, NamedTuple

import cv2
import numpy as np

from pipeline.faces.tracking.patch import MIDDLE, PATCH, Grey, Place, draw, likeness, normed, turned, unit

_WINDOW: dict[str, Any] = {
    "winSize": (9, 9),
    "maxLevel": 2,
    "criteria": (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 8, 0.02),
}
_BACK_PX, _LEFT_PX = 1.0, 0.5
_FITS = 2
_MANY, _LEAST = 18, 9
"""Points of 25 that are most of them, and that have to agree at least."""
_SMALL_PX, _SMALL = 0.5, 0.01
_STILL = 0.02  # sides of itself that a face may move from frame to frame and still be left alone in the next one
_MOST_SCALE, _MOST_TURN = 1.25, math.radians(20)
_RENEW = 15  # points that agree below which the template is drawn anew: the face looks different by now
_EDGE = 6
# without the jaw, which moves by itself
_ACROSS, _DOWN = (np.linspace(8, last, 5, dtype=np.float32) for last in (PATCH - 9, 46))
_POINTS = np.stack(np.meshgrid(_ACROSS, _DOWN), axis=-1).reshape(-1, 1, 2)
_FROM = _POINTS.reshape(-1).view(np.complex64).astype(np.complex128)


class Follower:
    """What is remembered of a face that is followed from the frame on in which it was seen: its template, where it is,
    how it moves. If it `rests`, it may be left alone in every second frame when it hardly moves.

    Attributes:
        place: where it is in the frame that was asked for last
        likeness: of the frame that was looked at last to the last detection, -1 to 1
        drawn: the face in the frame that was looked at last, (PATCH, PATCH) uint8
        calm: whether the face hardly moved when it was looked at last
        rested: whether the frame that was asked for last was not looked at: the face is thought to be where it was
            expected
    """

    def __init__(self, grey: Grey, time: float, place: Place, rests: bool = False) -> None:
        self._time, self._speed = time, (0.0, 0.0)
        self._rests, self.calm, self.rested = rests, False, False
        self.seen(grey, place)

    def seen(self, grey: Grey, place: Place) -> None:
        """Take the face as it was detected in this frame for where and what it is, from now on."""
        self.place, self.likeness = place, 1.0
        self._measured = (self._time, place)
        self._template = self.drawn = draw(grey, place)
        self._seen = normed(self.drawn[::2, ::2])

    def step(self, grey: Grey, time: float) -> bool:
        """Go on to another frame, the next one or the one before; return whether the face is there.

        `place` and `likeness` tell of that frame; where the face is not found, `place` is where it was expected.
        """
        span = time - self._time
        self._time = time
        self.place = expected = self.place.moved(self._speed[0] * span, self._speed[1] * span)
        self.rested = self._rests and self.calm and not self.rested
        if self.rested:
            return True
        self.likeness, self.calm = 0.0, False
        expectation = draw(grey, expected)
        motion = _motion(self._template, expectation)
        if motion is None:
            return False
        self.place = now = _after(expected, motion)
        (then, before), self._measured = self._measured, (time, now)  # not where it was thought to be in between
        self._speed = (now.x - before.x) / (time - then), (now.y - before.y) / (time - then)
        self.calm = motion.small and math.hypot(*self._speed) * abs(span) < _STILL * now.side
        drawn = self.drawn = expectation if motion.small else draw(grey, now)
        self.likeness = float(self._seen @ normed(drawn[::2, ::2]))
        if motion.points < _RENEW:
            self._template = drawn
        return True


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Return how sure it is that two drawn faces (PATCH, PATCH) uint8 are one person's, below 1; of a few seconds of
    one clip, that is.

    The faces are laid upon one another first, since two detections differ by some pixels. What counts is their
    correlation, less a hundredth for each grey level that they differ by on average: light and make-up stay what they
    are in a clip. Measured on galleries of four detections, the best pair counting: two halves of one clip 0.81 to 0.99
    (31 real clips), other people 0.67 at most (1,532 pairs of them); single detections of generated people, who have
    one face's features in common: the same 0.94 or more, others 0.84 at most (594 pairs).
    """
    motion = _motion(one, other)
    if motion is None:
        return -1.0
    inner = slice(_EDGE, PATCH - _EDGE)
    one, moved = one[inner, inner], turned(other, motion.by, motion.shift)[inner, inner]
    return likeness(one, moved) - float(cv2.absdiff(one, moved).mean()) / 100


class _Motion(NamedTuple):
    """How a face has moved from its template to a drawing: z -> by * z + shift; and how many points agree on it."""

    by: complex
    shift: complex
    points: int

    @property
    def small(self) -> bool:
        """Whether the drawing would look the same from where the face is now."""
        return abs(self.by * MIDDLE + self.shift - MIDDLE) < _SMALL_PX and abs(self.by - 1) < _SMALL


def _motion(template: np.ndarray, drawn: np.ndarray) -> _Motion | None:
    """Return the motion on which enough points agree, or None."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(template, drawn, _POINTS, None, **_WINDOW)
    to = there.reshape(-1).view(np.complex64).astype(np.complex128)
    motion = _agreed(to, np.flatnonzero(found))
    if motion is not None and motion.points >= _MANY:
        return motion
    back, returned, _ = cv2.calcOpticalFlowPyrLK(drawn, template, there, None, **_WINDOW)
    error = np.abs(back.reshape(-1).view(np.complex64) - _FROM)
    return _agreed(to, np.flatnonzero((found[:, 0] > 0) & (returned[:, 0] > 0) & (error < _BACK_PX)))


def _agreed(to: np.ndarray, good: np.ndarray) -> _Motion | None:
    """Return the motion of those points that agree with most of the good ones."""
    for _ in range(_FITS):
        if len(good) < _LEAST:
            return None
        by, shift = _fitted(_FROM[good], to[good])
        left = np.abs(by * _FROM + shift - to)[good]
        near = left <= max(_LEFT_PX, 2 * float(np.sort(left)[len(left) // 2]))
        if near.all():
            break
        good = good[near]
    return _Motion(by, shift, len(good)) if len(good) >= _LEAST else None


def _fitted(points: np.ndarray, to: np.ndarray) -> tuple[complex, complex]:
    """Return the least squares of to = by * points + shift; `boxes.similarity` in the form that is needed here."""
    middle = complex(np.add.reduce(points)) / len(points)
    around = points - middle
    by = complex(np.vdot(around, to)) / float(np.vdot(around, around).real)
    return by, complex(np.add.reduce(to)) / len(to) - by * middle


def _after(place: Place, motion: _Motion) -> Place:
    """Return where a face is that was drawn from `place` and has moved in the drawing."""
    scale = min(max(abs(motion.by), 1 / _MOST_SCALE), _MOST_SCALE)
    turn = min(max(cmath.phase(motion.by), -_MOST_TURN), _MOST_TURN)
    moved = unit(place) * (motion.by * MIDDLE + motion.shift - MIDDLE)
    return Place(place.x + moved.real, place.y + moved.imag, place.side * scale, place.turn + turn)
