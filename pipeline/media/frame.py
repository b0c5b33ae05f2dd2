"""One frame of a video as it was decoded; only what is asked for is converted to RGB.

What looks for faces and follows them needs luma only, which most codecs store as a plane of its own, and
what is cut out needs some part of the frame.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from av.video.reformatter import Interpolation

from pipeline.core.errors import ClipError
from pipeline.media.audio_timeline import GAP_S, MAX_GAP_S
from pipeline.media.display import rotated, squared, turn_of
from pipeline.media.yuv import Planes, Region, around, planes_of, samples, turned

_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT  # the same on every processor
Picture = TypeVar("Picture")


class Source(Protocol):
    """What crops are cut out of: a frame, or the part of it that was kept."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the frame, px."""

    def rgb(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of a region."""


class _Pixels:
    """A converted frame, (H, W, 3) uint8 RGB; as `Planes` otherwise."""

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels, self.nbytes = pixels, pixels.nbytes

    def copy(self, region: Region) -> Self:
        return type(self)(self.rgb(region).copy())

    def rgb(self, region: Region) -> np.ndarray:
        left, top, right, bottom = region
        return self._pixels[top:bottom, left:right]


class Part:
    """A copy of a region of a frame, kept when the frame is gone; within the region it answers as the frame would.
    `shape` is (height, width) of the whole frame, px; `nbytes`, the memory that it takes.
    """

    def __init__(self, shape: tuple[int, int], region: Region, frame: Planes | _Pixels) -> None:
        self.shape, self._kept = shape, around(region, shape)
        self._copy = frame.copy(self._kept)
        self.nbytes = self._copy.nbytes

    def holds(self, region: Region) -> bool:
        """Return whether a region can be asked for."""
        left, top, right, bottom = around(region, self.shape)
        first_x, first_y, last_x, last_y = self._kept
        return first_x <= left and first_y <= top and right <= last_x and bottom <= last_y

    def rgb(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of a region that it holds."""
        x, y = self._kept[:2]
        return self._copy.rgb((region[0] - x, region[1] - y, region[2] - x, region[3] - y))


class VideoFrame:
    """A decoded `av.VideoFrame`, upright or mirrored as the file's display matrix says, with square pixels; `shape` is
    (height, width), px; `aspect`, the width of a stored pixel over its height.
    """

    def __init__(self, frame: Any, aspect: Fraction | None = None) -> None:
        self._turns, self._mirrored, degrees = turn_of(frame)  # counterclockwise, as in numpy
        if degrees:
            frame = rotated(frame, degrees)
        if aspect is not None and aspect != 1:
            frame = squared(frame, aspect, bool(self._turns % 2))
        self._frame = frame
        height, width = frame.height, frame.width
        self.shape: tuple[int, int] = (width, height) if self._turns % 2 else (height, width)

    @cached_property
    def luma(self) -> np.ndarray:
        """(H, W) uint8, luma as the codec stores it; mostly a view of the decoder's memory."""
        if self._stored is not None:
            return turned(self._stored.planes[0], self._turns, self._mirrored)
        frame = self._frame
        if frame.format.name not in ("nv12", "gray"):
            frame = frame.reformat(format="gray", interpolation=_EXACT, threads=1)
        return turned(samples(frame.planes[0]), self._turns, self._mirrored)

    def rgb(self, region: Region | None = None) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of the frame, or of a region of it: the same pixels, in less time."""
        return self._upright.rgb(region or (0, 0, self.shape[1], self.shape[0]))

    def part(self, region: Region) -> Part:
        """Return a copy of a region and some pixels around it, which does not hold the rest of the frame."""
        return Part(self.shape, region, self._upright)

    @cached_property
    def _stored(self) -> Planes | None:
        return planes_of(self._frame)

    @cached_property
    def _upright(self) -> Planes | _Pixels:
        frame, stored = self._frame, self._stored
        if stored is None:
            rgb = frame.to_ndarray(format="rgb24", interpolation=_EXACT, threads=1)
        else:
            down, across = stored.step
            same = not self._turns and not self._mirrored
            if same or not (frame.height % down or frame.width % across):
                return stored.turned(self._turns, self._mirrored)
            # a turn would bring a colour of half a size from the end of a row to its beginning
            rgb = stored.rgb((0, 0, frame.width, frame.height))
        return _Pixels(np.ascontiguousarray(turned(rgb, self._turns, self._mirrored)))


def same_frames(pictures: Iterable[tuple[float, Picture]], times: np.ndarray) -> Iterator[tuple[int, Picture]]:
    """Yield (number of the frame, picture) of a second reading; raise ClipError, decode_error, where its frames are not
    those of the first, at these times (T,) s.
    """
    index = -1
    for index, (time, picture) in enumerate(pictures):
        if index >= len(times) or time != times[index]:
            raise ClipError("decode_error", f"frame {index} differs between two readings")
        yield index, picture
    if index + 1 != len(times):
        raise ClipError("decode_error", f"{len(times)} frames at the first reading, {index + 1} at the second")


def timed(frames: Iterator[Any], stream: Any, zero: float) -> Iterator[tuple[float, Any]]:
    """Yield (time, s from `zero`, frame) of each `av.VideoFrame` of a stream.

    A frame without timestamp (old AVI) follows its predecessor; so does one whose clock went back, or forward by more
    than any pause, and the clock counts from there, as that of the audio does on `AudioTimeline`.
    """
    step = 1 / float(stream.average_rate or 25)
    time: float | None = None
    shift = -zero
    for frame in frames:
        stamp = frame.dts if frame.pts is None else frame.pts
        follows = 0.0 if time is None else time + step
        shown = follows if stamp is None else float(stamp * stream.time_base) + shift
        if time is not None and not -GAP_S <= shown - time <= MAX_GAP_S:
            shift += follows - shown
            shown = follows
        time = shown
        yield time, frame


def lasts(frame: Any, stream: Any) -> float:
    """Return how long an `av.VideoFrame` is shown, s."""
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return 1 / float(stream.average_rate or 25)
