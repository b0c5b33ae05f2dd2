"""How the tracked face is cut out of all frames of a clip, whatever the way to cut (see `kinds`)."""

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from pipeline.core.store import ClipFeatures
from pipeline.engine.parallel import in_threads
from pipeline.media.frame import Source, same_frames
from pipeline.media.yuv import Region

BLOCK_BYTES = 4 << 20
"""Crops that are in memory at a time."""
_AROUND_PX = 2  # what is converted beyond the reach of a crop: neighbours that are interpolated with


def crop_clip(
    pictures: Iterable[tuple[float, Source]], faces: ClipFeatures, way: Any, params: Any, threads: int = 1
) -> Iterator[ClipFeatures]:
    """Cut the face that the tracker found, with `way.ARRAY`, out of every frame of a reading of its clip, (time s,
    picture), by a plugin of `kinds` and its settings; `threads` cut, beside whatever decodes.

    Yields:
        consecutive rows, some hundred at a time, the last ones when it is certain that no frame lacks: `values` (T, 4)
        float32 px of the frame, where the face is by `way.COLUMNS`, NaN where `mask` is false; times and mask of
        `faces`; `crops` (T, height, width, 3) uint8, black where `mask` is false

    Raises:
        ClipError: decode_error, the frames are not those in which the face was tracked
    """
    places = faces.extra[way.ARRAY]
    black = np.zeros((*params.shape, 3), np.uint8)
    most = max(1, BLOCK_BYTES // black.size)

    def cut(numbered: tuple[int, Source]) -> np.ndarray:
        frame, picture = numbered
        if not faces.mask[frame]:
            return black
        place = places[frame]
        region = region_of(way.reach(place, params), picture.shape)
        shifted = place.reshape(-1, 2) - np.array(region[:2], place.dtype)  # into the region that is converted
        return way.cut(picture.rgb(region), shifted.reshape(place.shape), params)

    def block(first: int, crops: list[np.ndarray]) -> ClipFeatures:
        rows = slice(first, first + len(crops))
        values = places[rows].reshape(-1, 4).astype(np.float32)
        return ClipFeatures(values, faces.times[rows], faces.mask[rows], {"crops": np.stack(crops)})

    frames = same_frames(pictures, faces.times)
    crops: list[np.ndarray] = []
    first = 0
    for crop in in_threads(cut, frames, threads) if threads > 1 else map(cut, frames):
        if len(crops) == most:
            yield block(first, crops)
            first, crops = first + most, []
        crops.append(crop)
    if crops:
        yield block(first, crops)


def region_of(reach: tuple[float, float, float, float], shape: tuple[int, int]) -> Region:
    """Return what is seen of a picture (height, width) within a reach, where it is reflected at its borders."""
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
