"""Rows of what was observed, among NaN for what was not."""

from collections.abc import Iterator
from itertools import chain

import numpy as np
from numpy.typing import DTypeLike

from pipeline.core.store import ClipFeatures

ROWS = 64
"""Rows given away at a time."""


def spread(rows: Iterator[np.ndarray], times: np.ndarray, mask: np.ndarray, dtype: DTypeLike) -> Iterator[ClipFeatures]:
    """Yield (T, D) block by block, NaN where nothing was observed by `mask` (T,).

    `rows` are the (D,) of everything that was, one at least; they are taken when their block is asked for.
    """
    first = next(rows)
    rows = chain([first], rows)
    for start in range(0, len(mask), ROWS):
        part = slice(start, start + ROWS)
        values = np.full((len(mask[part]), len(first)), np.nan, dtype)
        for place, row in zip(np.flatnonzero(mask[part]), rows, strict=False):
            values[place] = row
        yield ClipFeatures(values, times[part], mask[part])
