"""What stands beside the columns of a heat map: their names, the layers of a network, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.cli.inspect.heat_map import Heat
from pipeline.core.store import FeatureMeta

_EACH, _TALL_EACH, _SOME, _NUMBERS = 45, 100, 24, 8
_INCHES, _LONGEST = 4.2, 44


@dataclass(frozen=True)
class ColumnLabels:
    """Labels beside a heat map.

    Attributes:
        at: where, columns
        labels: words there
        name: of the axis
        lines: where layers meet, columns
        points: size of the labels
        height: of the heat map, inches
    """

    at: Sequence[float]
    labels: Sequence[str]
    name: str
    lines: Sequence[int] = ()
    points: float = 7.0
    height: float = _INCHES

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
        steps = (
            np.linspace(0, meta.dimension, _NUMBERS + 1)
            if eighths
            else MaxNLocator(_NUMBERS).tick_values(0, meta.dimension)
        )
        numbers = [float(number) for number in steps if number <= meta.dimension]
        return ColumnLabels(numbers, [f"{number:g}" for number in numbers], f"column of {meta.feature}")
    count = len(meta.columns)
    each = count <= _EACH or (count <= _TALL_EACH and heat.frames == 1)
    every = 1 if each else -(-count // _SOME)
    at, name = np.arange(0, count, every) + 0.5, "column" if each else f"column (one in {every} is named)"
    height = max(1.8, (0.13 if count > _EACH else 0.15) * count) if each else _INCHES
    return ColumnLabels(at.tolist(), meta.columns[::every], name, points=6.5, height=height)
