"""What one clip gave, and what a feature file says of itself: the records behind `pipeline.core.store`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.core.arrays import Digests
from pipeline.core.files import digest_of


@dataclass(frozen=True)
class ClipFeatures:
    """What one clip gave, or some consecutive rows of it.

    Attributes:
        values: (T, D), float32 or float16
        times: (T,), s from the beginning of the clip
        mask: (T,) bool, false where the value was not observed
        extra: further arrays, first axis T

    >>> values = np.array([[1.0, 2.0], [np.nan, np.nan], [3.0, 4.0]], np.float32)
    >>> clip = ClipFeatures(values, times=np.array([0.0, 0.04, 0.08]), mask=np.array([True, False, True]))
    >>> clip.values[clip.mask].mean(axis=0).tolist()
    [2.0, 3.0]
    >>> [len(block.mask) for block in clip.blocks(2)]
    [2, 1]
    >>> joined(clip.blocks(2)).digest() == clip.digest()
    True
    """

    values: np.ndarray
    times: np.ndarray
    mask: np.ndarray
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times.ndim != 1 or self.mask.ndim != 1:
            raise ValueError("values must be (T, D), times and mask (T,)")
        lengths = {len(a) for a in (self.values, self.times, self.mask, *self.extra.values())}
        if len(lengths) != 1:
            raise ValueError(f"arrays of one clip differ in length: {sorted(lengths)}")

    def arrays(self) -> dict[str, np.ndarray]:
        """Return all arrays by name, as a feature file keeps them."""
        extra = {name: self.extra[name] for name in sorted(self.extra)}
        return {"values": self.values, "times": self.times.astype(np.float64), "mask": self.mask.astype(bool), **extra}

    def digest(self, names: Iterable[str] = ()) -> str:
        """Return one SHA-256 over some arrays, all of them by default; equal to `FeatureFile.digest` of the clip."""
        digests, arrays = Digests(), self.arrays()
        for name in set(names) or arrays:
            digests.add(name, arrays[name])
        return digest_of(digests.named())

    def blocks(self, rows: int) -> Iterator[ClipFeatures]:
        """Yield the clip in blocks of `rows` rows; one empty block where it has none."""
        for start in range(0, max(1, len(self.mask)), rows):
            part = slice(start, start + rows)
            extra = {name: array[part] for name, array in self.extra.items()}
            yield ClipFeatures(self.values[part], self.times[part], self.mask[part], extra)


def joined(blocks: Iterable[ClipFeatures]) -> ClipFeatures:
    """Return consecutive blocks, one at least, as one clip."""
    parts = list(blocks)
    if len(parts) == 1:
        return parts[0]
    values, times, mask = (np.concatenate([vars(part)[name] for part in parts]) for name in ("values", "times", "mask"))
    extra = {name: np.concatenate([part.extra[name] for part in parts]) for name in parts[0].extra}
    return ClipFeatures(values, times, mask, extra)


@dataclass(frozen=True)
class ClipReader:
    """A long clip of an open feature file, read in blocks as often as asked for, as `ClipFeatures` is."""

    times: np.ndarray
    mask: np.ndarray
    read: Callable[[slice], ClipFeatures]

    def blocks(self, rows: int) -> Iterator[ClipFeatures]:
        """Yield the clip in blocks of `rows` rows."""
        for start in range(0, len(self.mask), rows):
            yield self.read(slice(start, start + rows))


@dataclass(frozen=True)
class FeatureMeta:
    """What a file says of itself.

    Attributes:
        feature: name, as in params.yaml
        dimension: D
        dtype: of `values`
        rate_hz: frames per second; 0 where times follow the stream's own timestamps
        columns: one name per column with its unit, or empty where `layer` names the network layer
        layer: network layer and its shape, or ""
        layers: (name, shape) of each network layer where `values` hold several side by side, flattened, in this order
        version: digest of the code that computed it
        params: settings that it was computed with
        weights: SHA-256 of the network's weights, or ""
        origin: where the weights come from, in words
        learned: what the training of each network behind it came to (`pipeline.training.learning.learned`)

    >>> FeatureMeta("pyramid", 6, "float16", layers=(("pool3", (2, 2)), ("fc5", (2,)))).widths
    (4, 2)
    """

    feature: str
    dimension: int
    dtype: str
    rate_hz: float = 0.0
    columns: tuple[str, ...] = ()
    layer: str = ""
    layers: tuple[tuple[str, tuple[int, ...]], ...] = ()
    version: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    origin: str = ""
    learned: tuple[Mapping[str, Any], ...] = ()

    @property
    def widths(self) -> tuple[int, ...]:
        """How many columns each layer has; all of them where there is one."""
        return tuple(math.prod(shape) for _, shape in self.layers) or (self.dimension,)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Of features side by side, audio or video for each; () where it is one feature."""
        join = self.params.get("join", {})
        return tuple(join[name] for name, _ in self.layers) if join else ()
