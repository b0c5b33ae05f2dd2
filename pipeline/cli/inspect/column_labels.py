"""What stands beside the columns of a heat map: their names, the layers of a network, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.cli.inspect.heat_map import Heat
from pipeline.core.store import FeatureMeta

_EACH, _TALL_EACH, _MANY, _SOME = 45, 100, 4.2, 24
_LONGEST = 44


@dataclass(frozen=True)
class Ticks:
    """Labels beside a heat map.

    Attributes:
        at: where, columns
        labels: words there
        lines: where layers meet, columns
        name: of the axis
        points: size of the labels
        height: of the heat map, inches
        left: room for labels, inches
    """

    at: Sequence[float]
    labels: Sequence[str]
    lines: Sequence[int]
    name: str
    points: float
    height: float
    left: float


def ticks_of(meta: FeatureMeta, heat: Heat) -> Ticks:
    """Return the labels for one feature."""
    if len(meta.layers) > 1:
        ends = np.cumsum(meta.widths)
        middles = ends - np.array(meta.widths) / 2
        labels = [f"{name} {'x'.join(map(str, shape))}" for name, shape in meta.layers]
        return _made(list(middles), labels, ends[:-1].tolist(), "layer of the network", 7.0, _MANY)
    if not meta.columns:
        step = _step(meta.dimension)
        numbers = range(0, meta.dimension + 1, step)
        return _made(list(numbers), [str(number) for number in numbers], [], f"column of {meta.feature}", 7.0, _MANY)
    count = len(meta.columns)
    if count <= _EACH or (count <= _TALL_EACH and heat.frames == 1):
        return _made(
            [at + 0.5 for at in range(count)],
            meta.columns,
            [],
            "column",
            6.5,
            max(1.8, (0.13 if count > _EACH else 0.15) * count),
        )
    every = -(-count // _SOME)
    return _made(
        [at + 0.5 for at in range(0, count, every)],
        meta.columns[::every],
        [],
        f"column (one in {every} is named)",
        6.5,
        _MANY,
    )


def _made(
    at: Sequence[float], labels: Sequence[str], lines: Sequence[int], name: str, points: float, height: float
) -> Ticks:
    longest = max(map(len, labels), default=0)
    return Ticks(at, labels, lines, name, points, height, 0.55 + min(longest, _LONGEST) * points / 72 * 0.62)


def _step(dimension: int) -> int:
    """Return 1, 2 or 5 times a power of ten, or of two where the dimension is one, so that about eight labels are
    needed.
    """
    if dimension % 64 == 0:
        return max(1, dimension // 8)
    rough = max(1.0, dimension / 8)
    power = 10 ** int(np.floor(np.log10(rough)))
    return int(next(power * times for times in (1, 2, 5, 10) if power * times >= rough))
