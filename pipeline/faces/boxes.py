"""Boxes: what a detector returns, how boxes compare, which of them stay, how a sequence of them is smoothed.

Also how points are brought to their places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

Box = tuple[float, float, float, float]
"""(left, top, right, bottom), px of the picture, edges: the width is right - left."""

Eyes = tuple[tuple[float, float], tuple[float, float]]
"""The centres of the two eyes, (x, y) each, the left one in the picture first."""

Point = tuple[float, float]
Landmarks = tuple[Point, Point, Point, Point, Point]
"""(x, y) px of the left eye, right eye, nose, left and right corner of the mouth; left is left in the picture."""

_REACH = 3.0  # standard deviations beyond which a Gaussian weight does not count
_ROWS = 1024
"""Frames that are smoothed at a time."""


@dataclass(frozen=True)
class Detection:
    """One face in one picture.

    Attributes:
        box: (left, top, right, bottom), px; may reach beyond the picture
        score: the detector's own measure, larger is surer
        landmarks: where the detector saw five points of the face, px; None = it does not look for them
    """

    box: Box
    score: float
    landmarks: Landmarks | None = None


class FaceDetector(Protocol):
    """What the tracker needs of a detector.

    Attributes:
        eyes: where the eyes of an upright face lie in its boxes, in widths and heights of the box
    """

    eyes: Eyes

    def __call__(self, rgb: np.ndarray) -> list[Detection]:
        """Return the faces of an (H, W, 3) uint8 RGB picture; of an (H, W) one, too, where its attribute `grey` is
        true.
        """


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
    """Return the area that a box has in common with each of others, 0 to 1.

    Args:
        box: (4,) px, not empty
        others: (N, 4) px, not empty
        over: what the common area is divided by: the area of both boxes together, or of the smaller one
    """
    extent = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    both = np.clip(extent, 0, None).prod(axis=1)
    one, other = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)
    return both / (np.minimum(one, other) if over == "smaller" else one + other - both)


def suppress(
    boxes: np.ndarray, scores: np.ndarray, threshold: float, over: Literal["union", "smaller"] = "union"
) -> np.ndarray:
    """Return which boxes stay when each takes away all that overlap it and score less (non-maximum suppression).

    Args:
        boxes: (N, 4) px, not empty
        scores: (N,); of equal ones the earlier box counts as better
        threshold: a box goes when it overlaps a better one by more than this
        over: see `overlaps`

    Returns:
        (K,) int64, best score first
    """
    waiting = np.argsort(-scores, kind="stable")
    kept = []
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[overlaps(boxes[best], boxes[waiting], over) <= threshold]
    return np.array(kept, np.int64)


def eye_centres(boxes: np.ndarray, eyes: Eyes) -> np.ndarray:
    """Return where the eyes lie by a detector's boxes alone, px, (T, 2, 2); NaN where there is no box.

    Args:
        boxes: (T, 4) px, NaN where there is none
        eyes: in widths and heights of the box
    """
    corner, extent = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    return corner + extent * np.array(eyes, boxes.dtype)


def similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return the turn, scale and shift that bring points nearest to their targets by least squares; never a reflection.

    Umeyama 1991 (PAMI 13) with the rotation's determinant held at 1. In the plane it is a regression of complex
    numbers, target = a * point + b: a turns and scales, and no a reflects.

    Args:
        points: (N, 2), not all in one place
        targets: (N, 2)

    Returns:
        (2, 3) matrix, to be multiplied with (x, y, 1)
    """
    z, w = points[:, 0] + 1j * points[:, 1], targets[:, 0] + 1j * targets[:, 1]
    from_middle = z - z.mean()
    a = (from_middle.conj() * (w - w.mean())).sum() / (np.abs(from_middle) ** 2).sum()
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def smooth(boxes: np.ndarray, times: np.ndarray, sigma_s: float) -> np.ndarray:
    """Smooth each run of observed boxes by local straight lines with Gaussian weights in time.

    A line, not a mean, because a mean lags at the ends of a run: steady motion passes unchanged.

    Args:
        boxes: (T, 4) px, NaN where there is none
        times: (T,) s, increasing
        sigma_s: standard deviation of the weights, s; 0 = leave the boxes as they are

    Returns:
        (T, 4), NaN where `boxes` is
    """
    result = boxes.copy()
    if sigma_s == 0:
        return result
    edges = np.flatnonzero(
        np.diff(~np.isnan(boxes[:, 0]), prepend=False, append=False)
    )  # where runs begin and end, in turn
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
