"""What pool5 and dlib128 share: which frames of a tracked face go through the network, and rows for the others."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, FeatureMeta


def rows_of_faces(
    faces: ClipFeatures, every: int, meta: FeatureMeta, compute: Callable[[np.ndarray], np.ndarray], batch: int = 1
) -> ClipFeatures:
    """Compute one row per taken frame; rows of frames without a face are NaN and masked.

    Args:
        faces: of the tracker, with `crops` (T, H, W, 3) uint8
        every: take every n-th frame
        meta: dimension and dtype of the feature
        compute: (B, H, W, 3) crops -> (B, D) rows
        batch: frames at a time, B

    Raises:
        ClipError: no_face, none of the frames that are taken shows a face
    """
    chosen = slice(None, None, every)
    mask, times, crops = faces.mask[chosen], faces.times[chosen], faces.extra["crops"][chosen]
    if not mask.any():
        raise ClipError("no_face", "none of the frames that were taken shows a face")
    values = np.full((len(mask), meta.dimension), np.nan, meta.dtype)
    observed = np.flatnonzero(mask)
    for start in range(0, len(observed), batch):
        rows = observed[start : start + batch]
        values[rows] = compute(crops[rows])
    return ClipFeatures(values, times, mask)
