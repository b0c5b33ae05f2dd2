"""A video frame as most codecs store it, a byte a sample: luma of every pixel, two chroma values of each, two or four.

FFmpeg's own conversion, told to give the same on every processor, takes as long as decoding.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

import cv2
import numpy as np

Region = tuple[int, int, int, int]
"""(left, top, right, bottom), px, within the frame."""

_STEPS = {"420": (2, 2), "422": (1, 2), "444": (1, 1)}
_FORMATS = {f"{name}{kind}p": step for name in ("yuv", "yuvj") for kind, step in _STEPS.items()}
_FULL_RANGE = 2
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.3, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT601 = (0.299, 0.114)
"""Weights of red and blue in luma, by ITU-T H.273's number of the matrix; of another or none, ITU-R BT.601's."""
_ROWS = 200  # that are converted at a time: a whole large frame would need new memory each time
_AROUND_PX = 2  # chroma is interpolated, so that a neighbour counts


@dataclass(frozen=True)
class Planes:
    """A frame, or a part of one: luma (H, W) uint8 and two chroma planes, a value for `step` (rows, columns) of pixels,
    rounded up; views of the decoder's memory, or copies. `matrix` (3, 4) float32 leads from luma, two chroma values and
    1 to red, green and blue.
    """

    planes: tuple[np.ndarray, np.ndarray, np.ndarray]
    step: tuple[int, int]
    matrix: np.ndarray

    @property
    def nbytes(self) -> int:
        """Memory of its samples."""
        return sum(plane.nbytes for plane in self.planes)

    def turned(self, turns: int, mirrored: bool = False) -> Self:
        """Return it turned counterclockwise by 90 degrees `turns` times, then mirrored left to right; edge chroma
        samples are as large as others.
        """
        luma, u, v = (turned(plane, turns, mirrored) for plane in self.planes)
        return replace(self, planes=(luma, u, v), step=self.step[::-1] if turns % 2 else self.step)

    def copy(self, region: Region) -> Self:
        """Return a copy of a region, as `around` gives it."""
        luma, u, v = self._cut(region)
        return replace(self, planes=(luma.copy(), u.copy(), v.copy()))

    def rgb(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8 RGB of a region, the same pixels as in the whole; chroma is interpolated."""
        left, top, right, bottom = region
        rgb = np.empty((bottom - top, right - left, 3), np.uint8)
        for first in range(top, bottom, _ROWS):
            last = min(first + _ROWS, bottom)
            cv2.transform(self._samples((left, first, right, last)), self.matrix, dst=rgb[first - top : last - top])
        return rgb

    def _samples(self, region: Region) -> np.ndarray:
        """Return (H, W, 3) uint8, luma and both chroma values of every pixel."""
        left, top, right, bottom = region
        wider = around(region, self.planes[0].shape)
        _, u, v = self._cut(wider)
        inner = slice(top - wider[1], bottom - wider[1]), slice(left - wider[0], right - wider[0])
        found = self.planes[0][top:bottom, left:right], self._spread(u)[inner], self._spread(v)[inner]
        return cv2.merge(tuple(map(np.ascontiguousarray, found)))  # else merging takes ten times as long

    def _cut(self, region: Region) -> tuple[np.ndarray, ...]:
        left, top, right, bottom = region
        down, across = self.step
        chroma = slice(top // down, -(-bottom // down)), slice(left // across, -(-right // across))
        return self.planes[0][top:bottom, left:right], self.planes[1][chroma], self.planes[2][chroma]

    def _spread(self, chroma: np.ndarray) -> np.ndarray:
        down, across = self.step
        if self.step == (1, 1):
            return chroma
        return cv2.resize(chroma, (across * chroma.shape[1], down * chroma.shape[0]), interpolation=cv2.INTER_LINEAR)


def turned(pixels: np.ndarray, turns: int, mirrored: bool) -> np.ndarray:
    """Return pixels (H, W, ...) turned counterclockwise by 90 degrees `turns` times, then mirrored left to right."""
    upright = np.rot90(pixels, turns)
    return upright[:, ::-1] if mirrored else upright


def planes_of(frame: Any) -> Planes | None:
    """Return an `av.VideoFrame` as planes, without copying; None where its format is another one."""
    name = frame.format.name
    step = _FORMATS.get(name)
    if step is None:
        return None
    luma, u, v = (samples(plane) for plane in frame.planes)
    full = name.startswith("yuvj") or frame.color_range == _FULL_RANGE
    return Planes((luma, u, v), step, _matrix(int(frame.colorspace), full))


def samples(plane: Any) -> np.ndarray:
    """Return one plane of 8-bit samples of an `av.VideoFrame`, (height, width), without copying."""
    rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def around(region: Region, shape: tuple[int, ...]) -> Region:
    """Return a region with what counts for its chroma, with edges on chroma samples; within a frame of this shape."""
    left, top, right, bottom = region
    height, width = shape
    first_x, first_y = (max(0, (edge - _AROUND_PX) // 2 * 2) for edge in (left, top))
    last_x, last_y = (-(-(edge + _AROUND_PX) // 2) * 2 for edge in (right, bottom))
    return first_x, first_y, min(width, last_x), min(height, last_y)


@cache
def _matrix(space: int, full_range: bool) -> np.ndarray:
    """Return the matrix to RGB, ITU-T H.273, 8.3: E'Y, E'PB and E'PR from 8-bit codes, R and B from these, then G."""
    red, blue = _WEIGHTS.get(space, _BT601)
    green = 1 - red - blue
    ranges = np.array([255, 255, 255] if full_range else [219, 224, 224])
    to_blue, to_red = 2 * (1 - blue), 2 * (1 - red)
    rows = [[1, 0, to_red], [1, -to_blue * blue / green, -to_red * red / green], [1, to_blue, 0]]
    matrix = np.array(rows) * 255 / ranges
    zero = np.array([0 if full_range else 16, 128, 128])
    return np.column_stack([matrix, -matrix @ zero]).astype(np.float32)
