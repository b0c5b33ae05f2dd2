"""What is known of one face while it is followed without a break, frame by frame."""

import cmath
from array import array
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from pipeline.faces.boxes import Box, Eyes, eye_centres, iou, side, smooth
from pipeline.faces.tracking.optical_flow import Follower
from pipeline.faces.tracking.patch import Grey, Place, inside

_TEMPLATES = 8
_AT_LEAST_INSIDE = 0.5
_AGREES = 0.8  # overlap from which a detection says no more than what was known


@dataclass(frozen=True)
class Seen:
    """A detection of the face, and the eyes where something looked for them."""

    box: Box
    score: float
    eyes: Eyes | None = None

    @property
    def place(self) -> Place:
        """The square of the box's area about its middle, turned as the line through the eyes."""
        left, top, right, bottom = self.box
        turn = 0.0
        if self.eyes is not None:
            (x, y), (other_x, other_y) = self.eyes
            turn = cmath.phase(complex(other_x - x, other_y - y))
        return Place((left + right) / 2, (top + bottom) / 2, max(1.0, side(self.box)), turn)


@dataclass(eq=False)
class Tracklet:
    """One face over consecutive frames.

    Two courses are kept. `chain` has the followed motion alone, without a jump where a detection said otherwise;
    `places` is where the face was thought to be. The chain tells how the face moved from frame to frame, the detections
    where it is.
    """

    follower: Follower
    frames: array = field(default_factory=lambda: array("q"))
    chain: array = field(default_factory=lambda: array("d"))
    places: array = field(default_factory=lambda: array("d"))
    keys: list[int] = field(default_factory=list)
    found: list[Seen] = field(default_factory=list)
    templates: list[np.ndarray] = field(default_factory=list)
    mouth: dict[int, float] = field(default_factory=dict)
    """By frame, how much the mouth has changed since the frame before, grey levels."""
    doubted: bool = False
    """Whether the detector was asked about it while it looked as before, and did not see it."""
    steady: bool = False
    """Whether the last detection said nothing new, and the face has hardly moved since."""
    sure: int = -1
    """The last frame in which it was detected, or was steady, which is as good."""
    _rested: bool = False
    """Whether the frame that was recorded last was not looked at."""

    @property
    def box(self) -> Box:
        """Where the face is in the frame that the follower was asked for last."""
        return self.follower.place.box

    def holds(self, grey: Grey, likeness: float) -> bool:
        """Return whether a face is still like itself, and in the picture."""
        return self.follower.likeness >= likeness and inside(self.follower.place, grey.shape) >= _AT_LEAST_INSIDE

    def moved(self, frame: int, before: Place) -> None:
        """Record a frame to which the follower has gone on from `before`."""
        now, (x, y, size, turn) = self.follower.place, self.chain[-4:]
        shifted = x + now.x - before.x, y + now.y - before.y
        self._record(frame, Place(*shifted, size * now.side / before.side, turn + now.turn - before.turn))
        if self._rested and not self.follower.rested:  # the frame between lies midway
            around = zip(self.chain[-12:-8], self.chain[-4:], strict=True)
            self.chain[-8:-4] = array("d", ((one + other) / 2 for one, other in around))
        self._rested = self.follower.rested

    def still(self, frame: int, calm: bool) -> None:
        """Take note of whether it hardly moved by the frame that was recorded last."""
        self.steady &= calm
        if self.steady:
            self.sure = frame

    def stayed(self, frame: int) -> None:
        """Record a frame to which nothing was followed."""
        self._record(frame, Place(*self.chain[-4:]) if self.chain else self.follower.place)

    def _record(self, frame: int, chain: Place) -> None:
        self.frames.append(frame)
        self.chain.extend(chain)
        self.places.extend(self.follower.place)

    def detected(self, grey: Grey, found: Seen) -> None:
        """Take a detection in the frame that was recorded last."""
        place = found.place
        if found.eyes is None:  # nothing says how the head is turned but what it did
            place = place._replace(turn=self.follower.place.turn)
        self.steady = bool(self.keys) and iou(self.box, found.box) >= _AGREES
        self.follower.seen(grey, place)
        self.places[-4:] = array("d", place)
        self.sure = self.frames[-1]
        self.keys.append(self.sure)
        self.found.append(found)
        self.sample()

    def sample(self) -> None:
        """Keep what the face looks like in the frame that was recorded last, for telling whose it is."""
        if len(self.templates) < _TEMPLATES:
            self.templates.append(self.follower.drawn)
        else:
            self.templates[len(self.frames) % _TEMPLATES] = self.follower.drawn

    def prepend(self, earlier: Self) -> None:
        """Take over what was followed backward from this tracklet's first frame, with which `earlier` begins."""
        self.frames = earlier.frames[:0:-1] + self.frames
        for name in ("chain", "places"):
            rows = np.reshape(getattr(earlier, name), (-1, 4))[:0:-1]
            setattr(self, name, array("d", rows.ravel()) + getattr(self, name))

    def cut_after(self, frame: int) -> None:
        """Forget all frames after one of them, and what was seen there."""
        count = int(np.searchsorted(np.asarray(self.frames), frame, side="right"))
        del self.frames[count:], self.chain[4 * count :], self.places[4 * count :]
        known = sum(key <= frame for key in self.keys)
        del self.keys[known:], self.found[known:]
        self.mouth = {at: value for at, value in self.mouth.items() if at <= frame}

    def box_at(self, frame: int) -> Box | None:
        """Return where the face was thought to be in a frame; None where it was not followed."""
        index = int(np.searchsorted(np.asarray(self.frames), frame))
        if index == len(self.frames) or self.frames[index] != frame:
            return None
        return Place(*self.places[4 * index : 4 * index + 4]).box

    def course(self, times: np.ndarray, sigma_s: float, eyes: Eyes) -> tuple[np.ndarray, np.ndarray]:
        """Return boxes (n, 4) and eye centres (n, 4) px in the tracklet's frames.

        The motion is the chain's, the place that of the detections: what they say beside the chain is smoothed over the
        detections, with `sigma_s` of standard deviation, and spread evenly between them. `times` are those of the
        clip's frames, s; `eyes`, where the detector's boxes have them.
        """
        chain = np.reshape(self.chain, (-1, 4))
        frames, keys = np.asarray(self.frames), np.searchsorted(np.asarray(self.frames), self.keys)
        now, then, at = times[frames], times[self.keys], chain[keys]
        boxes = _unlike(at, np.array([f.box for f in self.found]))
        boxes = _box_along(chain, _spread(smooth(boxes, then, sigma_s), then, now))
        if any(f.eyes is None for f in self.found):
            # detectors are most confident about faces that do not lean
            upright = at[np.argmax([f.score for f in self.found]), 3]
            return boxes, _turned(eye_centres(boxes, eyes), boxes, chain[:, 3] - upright)
        points = np.array([f.eyes for f in self.found]) @ (1, 1j)
        unit = (at[:, 2] * np.exp(1j * at[:, 3]))[:, None]
        own = (points - (at[:, 0] + 1j * at[:, 1])[:, None]) / unit
        own = _spread(smooth(own.view(float), then, sigma_s), then, now).view(complex)
        points = own * (chain[:, 2] * np.exp(1j * chain[:, 3]))[:, None] + (chain[:, 0] + 1j * chain[:, 1])[:, None]
        return boxes, points.view(float)


def _unlike(chain: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Return boxes (K, 4) px beside the chain (K, 4): shift in sides, logarithms of width and height in sides."""
    middle, extent = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    size = chain[:, 2:3]
    return np.hstack([(middle - chain[:, :2]) / size, np.log(np.maximum(extent, 1) / size)])


def _box_along(chain: np.ndarray, beside: np.ndarray) -> np.ndarray:
    size = chain[:, 2:3]
    middle, half = chain[:, :2] + beside[:, :2] * size, np.exp(beside[:, 2:]) * size / 2
    return np.hstack([middle - half, middle + half])


def _spread(values: np.ndarray, then: np.ndarray, now: np.ndarray) -> np.ndarray:
    return np.column_stack([np.interp(now, then, column) for column in values.T])


def _turned(points: np.ndarray, boxes: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Return points (n, 2, 2) turned with the head about the middle of its box, (n, 4)."""
    middle = ((boxes[:, :2] + boxes[:, 2:]) / 2) @ (1, 1j)
    moved = (points @ (1, 1j) - middle[:, None]) * np.exp(1j * turn)[:, None] + middle[:, None]
    return moved.view(float)
