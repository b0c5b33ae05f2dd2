"""How the tracked face is cut out of all frames of a clip, whatever the way to cut (`pipeline.faces.crops`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures

BLOCK_BYTES = 4 << 20
"""Crops that are in memory at a time."""


def crop_clip(frames: Iterable[tuple[float, np.ndarray]], faces: ClipFeatures, way: Any, params: Any) -> Iterator[ClipFeatures]:
    """Cut a tracked face out of every frame of its clip, block by block.

    Args:
        frames: a reading of the clip: (time s, (H, W, 3) uint8) in order
        faces: what the tracker found, with `way.ARRAY`
        way: a plugin of `pipeline.faces.crops`
        params: its settings

    Yields:
        consecutive rows of `values` (T, 4) float32 px of the frame, where the face is by `way.COLUMNS`, NaN where `mask` is false; times and
        mask of `faces`; `crops` (T, height, width, 3) uint8, black where `mask` is false

    Raises:
        ClipError: decode_error, the frames are not those in which the face was tracked
    """
    places = faces.extra[way.ARRAY]
    crops_of = _cut_frames(frames, faces.times, faces.mask, lambda frame, rgb: way.cut(rgb, places[frame], params), params.shape)
    for rows, crops in crops_of:
        values = places[rows].reshape(-1, 4).astype(np.float32)
        yield ClipFeatures(values, faces.times[rows], faces.mask[rows], {"crops": crops})


def _cut_frames(
    frames: Iterable[tuple[float, np.ndarray]],
    times: np.ndarray,
    mask: np.ndarray,
    cut: Callable[[int, np.ndarray], np.ndarray],
    shape: tuple[int, int],
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (which frames, their crops), some hundred at a time; the last ones when it is certain that no frame lacks."""
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
