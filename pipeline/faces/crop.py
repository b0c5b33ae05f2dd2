"""Square pictures of a face, and how the face is cut out of all frames of a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from pipeline.core.errors import ClipError
from pipeline.faces.geometry import Box

BLOCK_BYTES = 4 << 20
"""Crops that are in memory at a time."""


def square_crop(rgb: np.ndarray, box: Box, px: int, margin: float = 1.2) -> np.ndarray:
    """Cut the square around a box out of a picture and resize it; nothing is stretched.

    The side is `margin` times the longer side of the box. What lies outside the picture is its reflection
    (without repeating the border, OpenCV's BORDER_REFLECT_101).

    Args:
        rgb: (H, W, 3) uint8
        box: (left, top, right, bottom), px; anywhere, also outside the picture
        px: side of the result, px
        margin: enlargement around the box's centre

    Returns:
        (px, px, 3) uint8

    Raises:
        ValueError: the box is empty or not finite
    """
    left, top, right, bottom = box
    if not (np.isfinite(box).all() and right > left and bottom > top):
        raise ValueError(f"no box: {box}")
    length = max(1, round(margin * max(right - left, bottom - top)))
    columns = _reflected(round((left + right - length) / 2), length, rgb.shape[1])
    rows = _reflected(round((top + bottom - length) / 2), length, rgb.shape[0])
    square = rgb.take(rows, axis=0).take(columns, axis=1)
    how = cv2.INTER_AREA if length > px else cv2.INTER_LINEAR
    return cv2.resize(square, (px, px), interpolation=how)


def cut_frames(
    frames: Iterable[tuple[float, np.ndarray]],
    times: np.ndarray,
    mask: np.ndarray,
    cut: Callable[[int, np.ndarray], np.ndarray],
    shape: tuple[int, int],
) -> Iterator[tuple[slice, np.ndarray]]:
    """Read a clip again and cut the face out of every frame that has one, some hundred frames at a time.

    Args:
        frames: this reading: (time s, (H, W, 3) uint8) in order
        times: (T,) s, of an earlier reading
        mask: (T,) bool, whether the frame shows the face
        cut: number of a frame and its picture -> its crop, (height, width, 3) uint8
        shape: (height, width) of the crops, px

    Yields:
        (which frames, their crops (N, height, width, 3) uint8, black where `mask` is false); the last ones when it is
        certain that no frame lacks

    Raises:
        ClipError: decode_error, the frames are not those of the earlier reading
    """
    rows = max(1, BLOCK_BYTES // (3 * shape[0] * shape[1]))
    crops: list[np.ndarray] = []
    first = 0
    for index, (time, rgb) in enumerate(frames):
        if index >= len(times) or time != times[index]:
            raise ClipError("decode_error", f"frame {index} differs between two readings")
        if len(crops) == rows:
            yield slice(first, index), np.stack(crops)
            first, crops = index, []
        crops.append(cut(index, rgb) if mask[index] else np.zeros((*shape, 3), np.uint8))
    count = first + len(crops)
    if count != len(times):
        raise ClipError("decode_error", f"{len(times)} frames at the first reading, {count} at the second")
    if crops:
        yield slice(first, count), np.stack(crops)


def _reflected(begin: int, length: int, size: int) -> np.ndarray:
    """Return `length` indices from `begin` on, folded back into [0, size)."""
    period = max(1, 2 * (size - 1))
    index = np.arange(begin, begin + length) % period
    return np.where(index < size, index, period - index)
