"""The values of one clip made small enough to draw (columns on one scale, neighbours together where there are too
many), and what stands beside them: names of columns, layers of a network, or numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.cli.inspect.feature_file import Summary, blocks, keys_in
from pipeline.core.store import FeatureFile, FeatureMeta

ROWS, BINS = 512, 1600
"""As many rows of colour, and steps in time, as a picture has room for."""
FEW = 8
"""A clip of fewer observed frames says nothing about a column's spread; other clips do."""
_OTHERS = 200
_EACH, _TALL_EACH, _SOME, _NUMBERS = 45, 100, 24, 8
_INCHES, _LONGEST = 4.2, 44


@dataclass(frozen=True)
class Heat:
    """What is drawn of one clip."""

    colours: np.ndarray  # (R, B), standard deviations from the mean of the column; NaN where no frame was observed
    rows: np.ndarray  # (R + 1,) where rows begin and end, columns
    bins: np.ndarray  # (B + 1,) where steps in time begin and end, s
    gaps: np.ndarray  # (G, 2) spans without observation, s
    frames: int
    unobserved: int  # of the frames
    together: int  # adjacent columns in one row, at most; the largest of them is drawn
    averaged: int  # frames in one step in time; their mean is drawn
    among: int  # how many clips mean and deviation are taken over


def heat_of(file: FeatureFile, key: str) -> Heat:
    """Reduce one clip, `<clip id>` or `fold-00/<clip id>`, block by block."""
    times, mask = file.frames(key)
    averaged, together = max(1, -(-len(mask) // BINS)), max(1, -(-file.meta.dimension // ROWS))
    rows = _rows(file.meta.widths, together)
    keys = keys_in(file, key.rpartition("/")[0])
    among = [key] if mask.sum() >= FEW else sorted({key, *keys[:: max(1, -(-len(keys) // _OTHERS))]})
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
    turns = np.flatnonzero(np.diff(np.concatenate([[False], ~mask, [False]]).astype(np.int8)))
    gaps = edges[turns].reshape(-1, 2)
    return Heat(colours.T, rows, bins, gaps, len(mask), int((~mask).sum()), together, averaged, len(among))


def edges_of(times: np.ndarray) -> np.ndarray:
    """Return where rows begin and end: half way between their times (T,), s; the only row of a clip lasts as long
    before its time as after it, since that is the middle.
    """
    if len(times) < 2:
        return np.array([0.0, max(0.01, 2 * float(times[0]))]) if len(times) else np.zeros(1)
    middles = (times[1:] + times[:-1]) / 2
    return np.concatenate([[max(0.0, times[0] - (middles[0] - times[0]))], middles, [2 * times[-1] - middles[-1]]])


def _rows(widths: tuple[int, ...], together: int) -> np.ndarray:
    """Return where rows of `together` columns begin, and the number of columns; no row holds columns of two layers."""
    ends = np.cumsum(widths)
    begins = [np.arange(end - width, end, together) for end, width in zip(ends, widths, strict=True)]
    return np.append(np.concatenate(begins), ends[-1])


@dataclass(frozen=True)
class ColumnLabels:
    """Labels beside a heat map."""

    at: Sequence[float]  # columns
    labels: Sequence[str]
    name: str  # of the axis
    lines: Sequence[int] = ()  # where layers meet, columns
    points: float = 7.0  # size of the labels
    height: float = _INCHES  # of the heat map

    @property
    def left(self) -> float:
        """Room for labels, inches."""
        longest = max(map(len, self.labels), default=0)
        return 0.55 + min(longest, _LONGEST) * self.points / 72 * 0.62


def labels_of(meta: FeatureMeta, heat: Heat) -> ColumnLabels:
    """Return the labels for one feature."""
    if len(meta.layers) > 1:
        ends = np.cumsum(meta.widths)
        labels = [f"{name} {'x'.join(map(str, shape))}" for name, shape in meta.layers]
        middles = (ends - np.array(meta.widths) / 2).tolist()
        return ColumnLabels(middles, labels, "layer of the network", ends[:-1].tolist())
    if not meta.columns:
        from matplotlib.ticker import MaxNLocator

        eighths = meta.dimension % (8 * _NUMBERS) == 0  # as the layers of most networks are
        whole = np.linspace(0, meta.dimension, _NUMBERS + 1)
        steps = whole if eighths else MaxNLocator(_NUMBERS).tick_values(0, meta.dimension)
        numbers = [float(number) for number in steps if number <= meta.dimension]
        return ColumnLabels(numbers, [f"{number:g}" for number in numbers], f"column of {meta.feature}")
    count = len(meta.columns)
    each = count <= _EACH or (count <= _TALL_EACH and heat.frames == 1)
    every = 1 if each else -(-count // _SOME)
    at, name = np.arange(0, count, every) + 0.5, "column" if each else f"column (one in {every} is named)"
    height = max(1.8, (0.13 if count > _EACH else 0.15) * count) if each else _INCHES
    return ColumnLabels(at.tolist(), meta.columns[::every], name, points=6.5, height=height)
