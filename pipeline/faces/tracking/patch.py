"""Faces drawn upright and at one size, and how much two of them are alike."""

import cmath
import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import cv2
import numpy as np

from pipeline.faces.boxes import Box

PATCH = 64
"""Side of a drawn face, px; a box with some of what is around it."""
MARGIN = 1.15
"""Side of the drawn square over that of the box."""
MIDDLE = complex((PATCH - 1) / 2, (PATCH - 1) / 2)
"""Of a drawn face, px from the middle of its first pixel."""
_MOUTH = (slice(40, 58), slice(18, 46))


class Place(NamedTuple):
    """Where a face is: its square's centre and side, px of the picture, and its turn clockwise, radians."""

    x: float
    y: float
    side: float
    turn: float = 0.0

    def moved(self, x: float, y: float) -> Self:
        """Return the same face shifted, px."""
        return self._replace(x=self.x + x, y=self.y + y)

    @property
    def box(self) -> Box:
        """The square, not turned."""
        half = self.side / 2
        return self.x - half, self.y - half, self.x + half, self.y + half


@dataclass(frozen=True)
class Grey:
    """The brightness of a frame, reduced: `pixels` (h, w) uint8, of which one is `fold` pixels of the picture wide and
    high; `shape` (height, width) of the picture itself, px.
    """

    pixels: np.ndarray
    fold: int
    shape: tuple[int, int]


def reduced(luma: np.ndarray, fold: int) -> Grey:
    """Return a picture's brightness, the mean of each square of `fold` x `fold` pixels, without rows and columns beyond
    the last whole square.
    """
    height, width = luma.shape
    if fold == 1:
        return Grey(np.ascontiguousarray(luma), 1, (height, width))
    whole = luma[: height // fold * fold, : width // fold * fold]
    small = cv2.resize(whole, (width // fold, height // fold), interpolation=cv2.INTER_AREA)
    return Grey(small, fold, (height, width))


def draw(grey: Grey, place: Place) -> np.ndarray:
    """Return the face upright, (PATCH, PATCH) uint8; beyond the border its last pixel is repeated."""
    step = unit(place) / grey.fold
    corner = complex(place.x, place.y) / grey.fold - (0.5 + 0.5j) - step * MIDDLE
    return turned(grey.pixels, step, corner)


def turned(pixels: np.ndarray, step: complex, corner: complex) -> np.ndarray:
    """Return (PATCH, PATCH) uint8 of a picture, whose pixel at `step` * z + `corner` comes to z; both count from the
    middle of a pixel, and beyond the border the picture's last pixel is repeated.
    """
    matrix = np.array([[step.real, -step.imag, corner.real], [step.imag, step.real, corner.imag]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(pixels, matrix, (PATCH, PATCH), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return the correlation of two pictures of one size, -1 to 1; 0 where one is flat."""
    return float(normed(one) @ normed(other))


def mouth_motion(one: np.ndarray, other: np.ndarray) -> float:
    """Return by how many grey levels a drawn face differs from another about the mouth, on average."""
    return float(cv2.absdiff(one[_MOUTH], other[_MOUTH]).mean())


def normed(picture: np.ndarray) -> np.ndarray:
    """Return a picture as a vector of length 1 and mean 0, zeros where it is flat."""
    vector = picture.ravel().astype(np.float32)
    vector -= np.add.reduce(vector) / len(vector)
    norm = math.sqrt(float(vector @ vector))
    return vector / norm if norm else vector


def inside(place: Place, shape: tuple[int, int]) -> float:
    """Return the share of a face's square, as if it were not turned, that lies in a picture of this shape."""
    left, top, right, bottom = place.box
    wide, high = min(right, shape[1]) - max(left, 0), min(bottom, shape[0]) - max(top, 0)
    return max(0.0, wide) * max(0.0, high) / place.side**2


def unit(place: Place) -> complex:
    """Return one pixel to the right in the drawn face, in pixels of the picture."""
    return cmath.rect(place.side * MARGIN / PATCH, place.turn)
