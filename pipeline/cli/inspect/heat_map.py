"""The values of one clip made small enough to draw: columns on one scale, neighbours together where there are
too many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.cli.inspect.feature_file import blocks, key_in
from pipeline.cli.inspect.summary import Summary
from pipeline.core.store import FeatureFile

ROWS, BINS = 512, 1600
"""As many rows of colour, and steps in time, as a picture has room for."""
FEW = 8
"""A clip of fewer observed frames says nothing about a column's spread; other clips do."""
_OTHERS = 200


@dataclass(frozen=True)
class Heat:
    """What is drawn of one clip.

    Attributes:
        colours: (R, B), standard deviations from the mean of the column; NaN where no frame was observed
        rows: (R + 1,) where rows begin and end, columns
        bins: (B + 1,) where steps in time begin and end, s
        gaps: (G, 2) spans without observation, s
        frames: T
        unobserved: frames that were not observed
        together: adjacent columns in one row, at most; the largest of them is drawn
        averaged: frames in one step in time; their mean is drawn
        among: how many clips mean and deviation are taken over
    """

    colours: np.ndarray
    rows: np.ndarray
    bins: np.ndarray
    gaps: np.ndarray
    frames: int
    unobserved: int
    together: int
    averaged: int
    among: int


def heat_of(file: FeatureFile, key: str) -> Heat:
    """Reduce one clip, block by block.

    Args:
        file: an open feature file
        key: a clip, or `fold-00/<clip id>`
    """
    times, mask = file.frames(key)
    averaged, together = max(1, -(-len(mask) // BINS)), max(1, -(-file.meta.dimension // ROWS))
    rows = _rows(file.meta.widths, together)
    among = [key] if mask.sum() >= FEW else _others(file, key)
    spread = Summary.of(file, among)
    deviation = np.where(spread.deviation > 1e-12, spread.deviation, 1.0)  # 1 for a column that never changes
    edges = edges_of(times)
    count = -(-len(mask) // averaged)
    colours, number, begin = np.zeros((count, len(rows) - 1)), np.zeros(count), 0
    for block in blocks(file, key):
        scaled = (block.values[block.mask].astype(np.float64) - spread.mean) / deviation
        at = (begin + np.flatnonzero(block.mask)) // averaged
        if len(scaled):
            np.add.at(colours, at, np.maximum.reduceat(scaled, rows[:-1], axis=1))
        np.add.at(number, at, 1)
        begin += len(block.mask)
    with np.errstate(invalid="ignore"):
        colours = np.where(number[:, None] > 0, colours / number[:, None], np.nan)
    bins = np.append(edges[:-1:averaged], edges[-1:])
    return Heat(
        colours.T, rows, bins, _gaps(mask, edges), len(mask), int((~mask).sum()), together, averaged, len(among)
    )


def edges_of(times: np.ndarray) -> np.ndarray:
    """Return where rows begin and end: half way between their times (T,), s; the only row of a clip lasts as long
    before its
    time as after it, since that is the middle."""
    if len(times) < 2:
        return np.array([0.0, max(0.01, 2 * float(times[0]))]) if len(times) else np.zeros(1)
    middles = (times[1:] + times[:-1]) / 2
    return np.concatenate([[max(0.0, times[0] - (middles[0] - times[0]))], middles, [2 * times[-1] - middles[-1]]])


def _rows(widths: tuple[int, ...], together: int) -> np.ndarray:
    """Return where rows of `together` columns begin, and the number of columns; no row holds columns of two layers."""
    begins, first = [], 0
    for width in widths:
        begins.append(np.arange(first, first + width, together))
        first += width
    return np.append(np.concatenate(begins), first)


def _others(file: FeatureFile, key: str) -> list[str]:
    level = key.partition("/")[0] if "/" in key else ""
    names = [key_in(level, name) for name in file.clip_ids(level)]
    return sorted({key, *names[:: max(1, -(-len(names) // _OTHERS))]})


def _gaps(mask: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the spans of frames without observation, (G, 2) s."""
    turns = np.flatnonzero(np.diff(np.concatenate([[False], ~mask, [False]]).astype(np.int8)))
    return edges[turns].reshape(-1, 2)
