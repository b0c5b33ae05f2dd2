"""How the tracked face is cut out of all frames of a clip, whatever the way to cut
(`pipeline.faces.cropping.kinds`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures
from pipeline.engine.parallel import in_threads
from pipeline.media.frame import Source
from pipeline.media.yuv import Region

BLOCK_BYTES = 4 << 20
"""Crops that are in memory at a time."""


_AROUND_PX = 2
"""What is converted beyond the reach of a crop: neighbours that are interpolated with."""


def crop_clip(
    pictures: Iterable[tuple[float, Source]], faces: ClipFeatures, way: Any, params: Any, threads: int = 1
) -> Iterator[ClipFeatures]:
    """Cut a tracked face out of every frame of its clip, block by block.

    Args:
        pictures: a reading of the clip: (time s, picture) in order
        faces: what the tracker found, with `way.ARRAY`
        way: a plugin of `pipeline.faces.cropping.kinds`
        params: its settings
        threads: that cut, beside whatever decodes

    Yields:
        consecutive rows of `values` (T, 4) float32 px of the frame, where the face is by `way.COLUMNS`, NaN where
        `mask` is false; times and
        mask of `faces`; `crops` (T, height, width, 3) uint8, black where `mask` is false

    Raises:
        ClipError: decode_error, the frames are not those in which the face was tracked
    """
    places = faces.extra[way.ARRAY]
    black = np.zeros((*params.shape, 3), np.uint8)

    def cut(numbered: tuple[int, Source]) -> np.ndarray:
        frame, picture = numbered
        return _cut(picture, places[frame], way, params) if faces.mask[frame] else black

    for rows, crops in _cut_frames(pictures, faces, cut, params.shape, threads):
        values = places[rows].reshape(-1, 4).astype(np.float32)
        yield ClipFeatures(values, faces.times[rows], faces.mask[rows], {"crops": crops})


def region_of(reach: tuple[float, float, float, float], shape: tuple[int, int]) -> Region:
    """Return the part of a picture of a shape (height, width) that is seen within a reach when the picture is reflected
    at its borders.
    """
    left, right = _seen(reach[0], reach[2], shape[1])
    top, bottom = _seen(reach[1], reach[3], shape[0])
    return left, top, right, bottom


def _seen(begin: float, end: float, size: int) -> tuple[int, int]:
    first, last = math.floor(begin) - _AROUND_PX, math.ceil(end) + _AROUND_PX
    if first < 0 or last > size:  # a reflection of a reflection, too, lies within the larger of both
        beyond = max(-first, last - size)
        first, last = (0 if first < 0 else min(first, size - beyond)), (size if last > size else max(last, beyond))
    first, last = min(max(first, 0), size - 1), max(min(last, size), 1)
    return (first, last) if first < last else (0, size)


def _cut(picture: Source, place: np.ndarray, way: Any, params: Any) -> np.ndarray:
    """Cut one face; places are shifted into the region that is converted."""
    region = region_of(way.reach(place, params), picture.shape)
    shifted = place.reshape(-1, 2) - np.array(region[:2], place.dtype)
    return way.cut(picture.rgb(region), shifted.reshape(place.shape), params)


def _cut_frames(
    pictures: Iterable[tuple[float, Source]],
    faces: ClipFeatures,
    cut: Callable[[tuple[int, Source]], np.ndarray],
    shape: tuple[int, int],
    threads: int,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield (which frames, their crops), some hundred at a time; the last ones when it is certain that no frame
    lacks.
    """
    rows = max(1, BLOCK_BYTES // (3 * shape[0] * shape[1]))
    crops: list[np.ndarray] = []
    first = 0
    cropped = (
        in_threads(cut, _same(pictures, faces.times), threads)
        if threads > 1
        else map(cut, _same(pictures, faces.times))
    )
    for crop in cropped:
        if len(crops) == rows:
            yield slice(first, first + rows), np.stack(crops)
            first, crops = first + rows, []
        crops.append(crop)
    if crops:
        yield slice(first, first + len(crops)), np.stack(crops)


def _same(pictures: Iterable[tuple[float, Source]], times: np.ndarray) -> Iterator[tuple[int, Source]]:
    """Yield (number of the frame, picture) of a reading that has the frames in which the face was tracked, and no
    other.
    """
    count = 0
    for index, (time, picture) in enumerate(pictures):
        if index >= len(times) or time != times[index]:
            raise ClipError("decode_error", f"frame {index} differs between two readings")
        count += 1
        yield index, picture
    if count != len(times):
        raise ClipError("decode_error", f"{len(times)} frames at the first reading, {count} at the second")
