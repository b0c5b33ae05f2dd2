"""Where one shot ends and another begins, and a shot's last seconds, for following a face back that was found late."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from pipeline.faces.boxes import iou
from pipeline.faces.tracking.optical_flow import Follower
from pipeline.faces.tracking.patch import Grey, normed
from pipeline.faces.tracking.settings import TrackParams
from pipeline.faces.tracking.tracklet import Seen, Tracklet

MOST_BYTES = 64 << 20
_SIZE = (32, 18)


class Frame(NamedTuple):
    """A frame of a clip: its number, its time, s, and its reduced brightness."""

    number: int
    time: float
    grey: Grey


class Cuts:
    """Tell of each frame whether it begins another shot: whether its thumbnail is unlike the one before.

    Correlation, not difference, so that a flash or a fade of the light is none; there is a cut `below` it, -1 to 1.
    """

    def __init__(self, below: float) -> None:
        self._below = below
        self._last = np.zeros(_SIZE[0] * _SIZE[1], np.float32)

    def __call__(self, grey: Grey) -> bool:
        """Return whether this frame begins another shot; false for the first one, and about flat ones."""
        # means over areas take twenty times as long
        thumbnail = cv2.resize(grey.pixels, _SIZE, interpolation=cv2.INTER_LINEAR)
        last, self._last = self._last, normed(thumbnail)
        return bool(last.any() and self._last.any() and float(last @ self._last) < self._below)


class Past:
    """The reduced frames of the last `seconds` of a shot, as long as they take no more than `MOST_BYTES`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._frames: deque[Frame] = deque()
        self._bytes = 0

    def add(self, frame: Frame) -> None:
        """Remember a frame, and forget those that are too long ago."""
        self._frames.append(frame)
        self._bytes += frame.grey.pixels.nbytes
        while self._bytes > MOST_BYTES or frame.time - self._frames[0].time > self._seconds:
            self._bytes -= self._frames.popleft().grey.pixels.nbytes

    def clear(self) -> None:
        """Forget all."""
        self._frames.clear()
        self._bytes = 0

    def followed(self, frame: Frame, found: Seen, others: Sequence[Tracklet], params: TrackParams) -> Tracklet:
        """Follow a face back from a frame, until it is lost or comes to where one of the others was."""
        back = Tracklet(Follower(frame.grey, frame.time, found.place))
        back.stayed(frame.number)
        for number, time, grey in (one for one in reversed(self._frames) if one.number < frame.number):
            before, there = back.follower.place, back.follower.step(grey, time)
            boxes = (box for t in others if (box := t.box_at(number)))
            taken = any(iou(back.box, box) > params.min_iou for box in boxes)
            if taken or not there or not back.holds(grey, params.min_likeness):
                break
            back.moved(number, before)
        return back
