"""One frame of a video as it was decoded; only what is asked for is converted to RGB.

Converting a whole frame costs as much as decoding it, or twice as much. What looks for faces and follows them needs the
brightness alone, which most codecs store as a plane of its own, and what is cut out needs some part of the frame.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import Interpolation

_EXACT = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.BITEXACT  # the same on every processor
_PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p")
"""Formats of which a part can be cut out plane by plane, one byte a sample."""
_AROUND_PX, _STEP_PX = 8, 8
"""What is cut out beyond a region, and of which its edges are a multiple: colours are interpolated, some pixels at a time."""

Region = tuple[int, int, int, int]
"""(left, top, right, bottom), px, within the picture."""


class Picture:
    """A decoded frame, upright as the file's rotation metadata says.

    Args:
        frame: `av.VideoFrame`

    Attributes:
        shape: (height, width), px
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self._turns = round(frame.rotation / 90) % 4  # counterclockwise, as in numpy
        height, width = frame.height, frame.width
        self.shape: tuple[int, int] = (width, height) if self._turns % 2 else (height, width)

    @cached_property
    def luma(self) -> np.ndarray:
        """(H, W) uint8, the brightness as the codec stores it; mostly a view of the decoder's memory."""
        frame = self._frame
        if frame.format.name not in (*_PLANAR, "nv12", "gray"):
            frame = frame.reformat(format="gray", interpolation=_EXACT, threads=1)
        return np.rot90(_plane(frame, 0), self._turns)

    def rgb(self, region: Region | None = None) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of the picture, or of a region of it: the same pixels, in less time."""
        frame, whole = self._frame, (0, 0, self._frame.width, self._frame.height)
        if region is not None and (self._turns or not _divides(frame)):
            left, top, right, bottom = region
            return self.rgb()[top:bottom, left:right]
        rgb = _region(frame, region or whole) if _divides(frame) else _rgb(frame)
        return np.ascontiguousarray(np.rot90(rgb, self._turns))


    def part(self, region: Region) -> Part:
        """Return a copy of a region and some pixels around it, which does not hold the rest of the frame."""
        frame = self._frame
        if self._turns or not _divides(frame):
            return Part(self.shape, region, pixels=self.rgb(region).copy())
        around = _around(region, self.shape)
        return Part(self.shape, around, frame=_cut_out(frame, around))


class Part:
    """A region of a picture, kept when the picture is gone; asked for what lies in it, it answers as the picture would.

    Attributes:
        shape: (height, width) of the whole picture, px
        nbytes: memory that it takes
    """

    def __init__(self, shape: tuple[int, int], kept: Region, frame: Any = None, pixels: np.ndarray | None = None) -> None:
        self.shape, self._kept, self._frame, self._pixels = shape, kept, frame, pixels
        self.nbytes = sum(plane.buffer_size for plane in frame.planes) if pixels is None else pixels.nbytes

    def holds(self, region: Region) -> bool:
        """Return whether a region can be asked for."""
        left, top, right, bottom = region if self._frame is None else _around(region, self.shape)
        first_x, first_y, last_x, last_y = self._kept
        return first_x <= left and first_y <= top and right <= last_x and bottom <= last_y

    def rgb(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of a region that it holds."""
        x, y = self._kept[:2]
        left, top, right, bottom = region[0] - x, region[1] - y, region[2] - x, region[3] - y
        if self._pixels is not None:
            return self._pixels[top:bottom, left:right]
        return _region(self._frame, (left, top, right, bottom))


class DrawnPicture:
    """A picture from an array, for whoever draws frames; as `Picture` otherwise.

    Args:
        rgb: (H, W, 3) uint8
    """

    def __init__(self, rgb: np.ndarray) -> None:
        self._rgb = rgb
        self.shape: tuple[int, int] = rgb.shape[:2]

    @cached_property
    def luma(self) -> np.ndarray:
        """(H, W) uint8, the brightness by ITU-R BT.601."""
        return (self._rgb @ np.array([0.299, 0.587, 0.114]) + 0.5).astype(np.uint8)

    def rgb(self, region: Region | None = None) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of the picture, or of a region of it."""
        left, top, right, bottom = region or (0, 0, self.shape[1], self.shape[0])
        return self._rgb[top:bottom, left:right]

    def part(self, region: Region) -> Part:
        """Return a copy of a region."""
        return Part(self.shape, region, pixels=self.rgb(region).copy())


AnyPicture = Picture | DrawnPicture


class Source(Protocol):
    """What crops are cut out of: a picture, or what was kept of it."""

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the picture, px."""

    def rgb(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of a region."""


def _divides(frame: Any) -> bool:
    """Return whether parts of a frame can be converted as in the whole: colours of odd sizes are spread over a fraction of a pixel more."""
    name = frame.format.name
    return name in _PLANAR and (name.endswith("444p") or (frame.width % 2 == 0 and frame.height % 2 == 0))


def _rgb(frame: Any) -> np.ndarray:
    return frame.to_ndarray(format="rgb24", interpolation=_EXACT, threads=1)


def _plane(frame: Any, index: int) -> np.ndarray:
    """Return one plane of 8-bit samples, (height, width), without copying."""
    plane = frame.planes[index]
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _around(region: Region, shape: tuple[int, int]) -> Region:
    """Return a region with what is converted around it."""
    left, top, right, bottom = region
    first_x, first_y = (max(0, (edge - _AROUND_PX) // _STEP_PX * _STEP_PX) for edge in (left, top))
    last_x = min(shape[1], -(-(right + _AROUND_PX) // _STEP_PX) * _STEP_PX)
    last_y = min(shape[0], -(-(bottom + _AROUND_PX) // _STEP_PX) * _STEP_PX)
    return first_x, first_y, last_x, last_y


def _region(frame: Any, region: Region) -> np.ndarray:
    """Convert a part of a frame; the whole goes this way, too, since where a codec's colours lie is known to its own frames alone."""
    left, top, right, bottom = region
    around = _around(region, (frame.height, frame.width))
    x, y = around[:2]
    return _rgb(_cut_out(frame, around))[top - y : bottom - y, left - x : right - x]


def _cut_out(frame: Any, region: Region) -> Any:
    left, top, right, bottom = region
    part = av.VideoFrame(right - left, bottom - top, frame.format.name)
    for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
        setattr(part, name, getattr(frame, name))
    for index in range(3):
        _copy_plane(part, frame, index, left, top)
    return part


def _copy_plane(part: Any, frame: Any, index: int, first_x: int, first_y: int) -> None:
    target, source = _plane(part, index), _plane(frame, index)
    chroma = index > 0
    x = first_x // 2 if chroma and not frame.format.name.endswith("444p") else first_x
    y = first_y // 2 if chroma and frame.format.name.endswith("420p") else first_y
    target[:] = source[y : y + target.shape[0], x : x + target.shape[1]]
