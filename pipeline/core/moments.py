"""Mean and standard deviation of columns over rows that come block by block, so that memory holds one block."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def moments(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return (mean, standard deviation) of each column over all rows, (D,) float64 each, of blocks (n, D), one row at
    least; the last bits depend on where they are cut.

    By the sums of squares about each block's own mean, which lose no digits where the mean is large (Chan, Golub and
    LeVeque 1979).
    """
    count = 0
    mean: Any = 0.0
    squares: Any = 0.0
    for block in blocks:
        if not len(block):
            continue
        own = block.mean(axis=0, dtype=np.float64)
        total = count + len(block)
        squares = squares + np.square(block - own).sum(axis=0) + np.square(own - mean) * count * len(block) / total
        mean = mean + (own - mean) * len(block) / total
        count = total
    return mean, np.sqrt(squares / count)
