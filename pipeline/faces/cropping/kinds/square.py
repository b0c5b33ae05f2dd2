"""Square pictures of a face, Huang et al. 2017, section 3.2: the box and some margin, 100x100 px."""

import math

import cv2
import numpy as np
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.faces.boxes import COLUMNS as COLUMNS

ARRAY = "boxes"
_INTERPOLATED = 3
"""Up to half so many times too large, a square is interpolated: 150 px of a face to 100 px come nearer to Lanczos'
kernel so than by means (0.75 levels for 0.92 in CREMA-D, 0.37 for 0.46 in RAVDESS); 180 px are the other way round
(0.90 and 0.74, 0.48 and 0.45)."""


class Params(Settings):
    """`crop_faces.<name>` with `kind: square`."""

    px: int = Field(100, ge=16, le=1024, description="side of the crops, px {Huang 3.2: 100 for *.square100.*}")
    margin: float = Field(1.2, ge=0.5, le=4.0, description="side of the crop over the longer side of the box")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, px."""
        return self.px, self.px


def cut(rgb: np.ndarray, place: np.ndarray, params: Params) -> np.ndarray:
    """Cut the square around a box (4,) px, which may lie anywhere, out of a picture (H, W, 3) uint8, and resize it.

    The side is `margin` times the longer side of the box. What lies outside the picture is its reflection
    (without repeating the border, OpenCV's BORDER_REFLECT_101). Raises ValueError where the box is empty or not finite.
    """
    left, top, right, bottom = reach(place, params)
    length = right - left
    square = rgb[top:bottom, left:right]
    if left < 0 or top < 0 or square.shape[:2] != (length, length):
        columns, rows = _reflected(left, length, rgb.shape[1]), _reflected(top, length, rgb.shape[0])
        square = rgb.take(rows, axis=0).take(columns, axis=1)
    if 2 * length < _INTERPOLATED * params.px:
        return cv2.resize(square, params.shape, interpolation=cv2.INTER_LINEAR)
    if length < 2 * params.px:  # the means of parts of pixels take five times as long as those of whole ones
        square = cv2.resize(square, (2 * params.px, 2 * params.px), interpolation=cv2.INTER_LINEAR)
    return cv2.resize(square, params.shape, interpolation=cv2.INTER_AREA)


def reach(place: np.ndarray, params: Params) -> tuple[int, int, int, int]:
    """Return the square around a box, (left, top, right, bottom) px; see `cut`."""
    left, top, right, bottom = map(float, place)
    if not (np.isfinite(place).all() and right > left and bottom > top):
        raise ValueError(f"no box: {left, top, right, bottom}")
    length = max(1, round(params.margin * max(right - left, bottom - top)))
    first_x, first_y = (math.floor((edge - length + 1) / 2) for edge in (left + right, top + bottom))
    return first_x, first_y, first_x + length, first_y + length


def _reflected(begin: int, length: int, size: int) -> np.ndarray:
    """Return `length` indices from `begin` on, folded back into [0, size)."""
    period = max(1, 2 * (size - 1))
    index = np.arange(begin, begin + length) % period
    return np.where(index < size, index, period - index)
