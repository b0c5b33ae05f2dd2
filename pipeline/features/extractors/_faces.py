"""What features of crops share: which frames of a tracked face are looked at."""

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np

from pipeline.core.errors import ClipError
from pipeline.core.store import ClipFeatures, ClipReader, FeatureMeta
from pipeline.features.observed import ROWS, spread


def rows_of_faces(
    faces: ClipFeatures | ClipReader,
    every: int,
    meta: FeatureMeta,
    compute: Callable[[np.ndarray], np.ndarray],
    batch: int = 1,
) -> Iterator[ClipFeatures]:
    """Compute one row per taken frame, every n-th; rows of frames without a face are NaN and masked.

    `compute` makes rows (B, D) of crops (B, H, W, 3) uint8; batches are counted over the whole clip, so that blocks do
    not show in the results.
    """
    times, mask = faces.times[::every], faces.mask[::every]
    if not mask.any():
        raise ClipError("no_face", "none of the frames that were taken shows a face")
    crops = observed_crops(faces, every)
    batches = iter(lambda: list(islice(crops, batch)), [])
    return spread((row for some in batches for row in compute(np.stack(some))), times, mask, meta.dtype)


def observed_crops(faces: ClipFeatures | ClipReader, every: int = 1) -> Iterator[np.ndarray]:
    """Yield the crops (H, W, 3) uint8 of every n-th frame that show a face, read block by block."""
    first = 0
    for block in faces.blocks(ROWS):
        taken = np.arange(-first % every, len(block.mask), every)
        yield from block.extra["crops"][taken[block.mask[taken]]]
        first += len(block.mask)
