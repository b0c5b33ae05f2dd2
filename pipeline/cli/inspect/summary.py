"""Running figures of the columns of clips, so that a file of any size needs the memory of one block of rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np

from pipeline.cli.inspect.feature_file import blocks
from pipeline.core.store import ClipFeatures, FeatureFile


class Summary:
    """What is known of the columns of some rows; NaN is counted and left out.

    Attributes:
        frames, observed: rows, and how many of them were observed
        last: time of the last row, s; NaN without one
        nan: NaN in observed rows
        number: (D,) numbers in observed rows
        mean, squares: (D,) mean, and sum of the squared differences from it
        low, high: (D,) range; infinity and minus infinity without a number
    """

    def __init__(self, dimension: int) -> None:
        self.frames = self.observed = self.nan = 0
        self.last = np.nan
        self.number, self.mean, self.squares = (np.zeros(dimension) for _ in range(3))
        self.low, self.high = np.full(dimension, np.inf), np.full(dimension, -np.inf)

    @classmethod
    def of(cls, file: FeatureFile, keys: Iterable[str]) -> Self:
        """Return the figures of some clips, each `<clip id>` or `fold-00/<clip id>`."""
        found = cls(file.meta.dimension)
        for key in keys:
            for block in blocks(file, key):
                found.join(cls._of_block(block))
        return found

    @classmethod
    def _of_block(cls, block: ClipFeatures) -> Self:
        found = cls(block.values.shape[1])
        found.frames, found.observed = len(block.mask), int(block.mask.sum())
        found.last = float(block.times[-1]) if len(block.times) else np.nan
        seen = block.values[block.mask].astype(np.float64)
        known = ~np.isnan(seen)
        found.nan, found.number = int((~known).sum()), known.sum(0).astype(np.float64)
        with np.errstate(invalid="ignore"):  # infinity - infinity
            found.mean = np.where(known, seen, 0).sum(0) / np.maximum(1, found.number)
            found.squares = (np.where(known, seen - found.mean, 0) ** 2).sum(0)
        found.low = np.where(known, seen, np.inf).min(0, initial=np.inf)
        found.high = np.where(known, seen, -np.inf).max(0, initial=-np.inf)
        return found

    def join(self, other: Summary) -> None:
        """Take the figures of further rows (Chan, Golub and LeVeque 1983 for mean and squares of two parts
        together).
        """
        with np.errstate(invalid="ignore"):
            apart, both = other.mean - self.mean, np.maximum(1, self.number + other.number)
            self.squares = self.squares + other.squares + apart**2 * self.number * other.number / both
            self.mean = self.mean + apart * other.number / both
        self.number = self.number + other.number
        self.low, self.high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        self.frames, self.observed = self.frames + other.frames, self.observed + other.observed
        self.nan, self.last = self.nan + other.nan, other.last if other.frames else self.last

    @property
    def deviation(self) -> np.ndarray:
        """(D,) standard deviation."""
        return np.sqrt(self.squares / np.maximum(1, self.number))
