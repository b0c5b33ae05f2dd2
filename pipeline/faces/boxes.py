"""Boxes: what a detector returns, how boxes compare, which of them stay, how a sequence of them is smoothed.

Also how points, and pictures with them, are brought to their places.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import cv2
import numpy as np

Box = tuple[float, float, float, float]
"""(left, top, right, bottom), px of the picture, edges: the width is right - left."""
COLUMNS = ("left_px", "top_px", "right_px", "bottom_px")

Point = tuple[float, float]
Eyes = tuple[Point, Point]
"""The centres of the two eyes, (x, y) each, the left one in the picture first."""
Landmarks = tuple[Point, Point, Point, Point, Point]
"""(x, y) px of the left eye, right eye, nose, left and right corner of the mouth; left is left in the picture."""

_REACH = 3.0  # standard deviations beyond which a Gaussian weight does not count
_ROWS = 1024  # frames that are smoothed at a time


@dataclass(frozen=True)
class Detection:
    """One face in one picture: its box, px, may reach beyond the picture; a larger score, the detector's own, is surer;
    landmarks are five points that the detector saw, px, None where it does not look for them.
    """

    box: Box
    score: float
    landmarks: Landmarks | None = None


class FaceDetector(Protocol):
    """What the tracker needs of a detector; `eyes` are those of an upright face, in widths and heights of its boxes."""

    eyes: Eyes

    def __call__(self, rgb: np.ndarray) -> list[Detection]:
        """Return the faces of an (H, W, 3) uint8 RGB picture; where its attribute `grey` is true, of (H, W) too."""


def side(box: Box) -> float:
    """Return the side of the square that has the box's area, px."""
    left, top, right, bottom = box
    return math.sqrt(max(0.0, right - left) * max(0.0, bottom - top))


def iou(one: Box, other: Box) -> float:
    """Return intersection over union, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / (side(one) ** 2 + side(other) ** 2 - both)


def overlaps(box: np.ndarray, others: np.ndarray, over: Literal["union", "smaller"]) -> np.ndarray:
    """Return the area that a box (4,) has in common with each of others (N, 4), none of them empty, over that of both
    together or that of the smaller one, 0 to 1.
    """
    extent = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    both = np.clip(extent, 0, None).prod(axis=1)
    one, other = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)
    return both / (np.minimum(one, other) if over == "smaller" else one + other - both)


def suppress(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, over: Literal["union", "smaller"] = "union"
) -> np.ndarray:
    """Return which boxes (N, 4), none empty, stay when each takes away all that score less and overlap it by more than
    the threshold (non-maximum suppression): (K,) int64, best score first; of equal ones the earlier is better.
    """
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[overlaps(boxes[best], boxes[waiting], over) <= threshold]
    return np.array(kept, np.int64)


def eye_centres(boxes: np.ndarray, eyes: Eyes) -> np.ndarray:
    """Return where the eyes lie by a detector's boxes (T, 4) alone, px, (T, 2, 2); NaN where there is no box."""
    corner, extent = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    return corner + extent * np.array(eyes, boxes.dtype)


def similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the turn, scale and shift that bring points (N, 2), not all in one place, nearest to their targets (N, 2)
    by least squares, as a (2, 3) matrix, to be multiplied with (x, y, 1); never a reflection.

    Umeyama 1991 (PAMI 13) with the rotation's determinant held at 1. In the plane it is a regression of complex
    numbers, target = a * point + b: a turns and scales, and no a reflects.
    """
    z, w = points[:, 0] + 1j * points[:, 1], targets[:, 0] + 1j * targets[:, 1]
    from_middle = z - z.mean()
    a = (from_middle.conj() * (w - w.mean())).sum() / (np.abs(from_middle) ** 2).sum()
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def drawn(rgb: np.ndarray, matrix: Callable[[int], np.ndarray], size: tuple[int, int], shrinks: float) -> np.ndarray:
    """Draw a picture (H, W, 3) uint8 at another place, `size` = (width, height) px.

    What lies outside the picture is its reflection (without repeating the border, OpenCV's BORDER_REFLECT_101). Where
    one pixel of the result `shrinks` several of the picture, some would be skipped: it is drawn at a whole multiple of
    the size, for which `matrix` gives OpenCV's (2, 3) matrix from the picture, and means are taken.
    """
    fold = max(1, math.ceil(shrinks - 1e-6))
    large = (size[0] * fold, size[1] * fold)
    result = cv2.warpAffine(rgb, matrix(fold), large, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return cv2.resize(result, size, interpolation=cv2.INTER_AREA) if fold > 1 else result


def smooth(boxes: np.ndarray, times: np.ndarray, sigma_s: float) -> np.ndarray:
    """Smooth each run of observed boxes (T, 4) by local straight lines with Gaussian weights in time, of standard
    deviation `sigma_s`, 0 = leave them as they are; NaN, where there is none, stays NaN.

    A line, not a mean, because a mean lags at the ends of a run: steady motion passes unchanged.
    """
    result = boxes.copy()
    if sigma_s == 0:
        return result
    # where runs begin and end, in turn
    edges = np.flatnonzero(np.diff(~np.isnan(boxes[:, 0]), prepend=False, append=False))
    for begin, end in edges.reshape(-1, 2):
        result[begin:end] = _local_lines(boxes[begin:end], times[begin:end], sigma_s)
    return result


def _local_lines(values: np.ndarray, times: np.ndarray, sigma_s: float) -> np.ndarray:
    begins = np.searchsorted(times, times - _REACH * sigma_s)
    ends = np.searchsorted(times, times + _REACH * sigma_s, side="right")
    result = np.empty_like(values)
    for first in range(0, len(times), _ROWS):
        rows = slice(first, first + _ROWS)
        near = begins[rows, None] + np.arange((ends - begins)[rows].max())
        inside = near < ends[rows, None]
        near[~inside] = 0
        distance = times[near] - times[rows, None]
        weights = inside * np.exp(-0.5 * (distance / sigma_s) ** 2)
        weights /= weights.sum(axis=1, keepdims=True)
        centre = (weights * distance).sum(axis=1, keepdims=True)
        leaning = weights * (distance - centre)
        spread = (leaning * (distance - centre)).sum(axis=1, keepdims=True)
        weights -= np.divide(centre * leaning, spread, out=np.zeros_like(leaning), where=spread > 0)
        result[rows] = np.einsum("nk,nkc->nc", weights, values[near])
    return result
