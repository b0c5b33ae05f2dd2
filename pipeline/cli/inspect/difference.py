"""What differs between two feature files, clip by clip and column by column, in the memory of one block of rows.

Two numbers are equal where they are the same or both NaN. Values are compared over the frames that are observed in both
files; a frame that is observed in one alone is counted as such, and a NaN against a number is infinitely far away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.feature_file import blocks, feature_file, keys, shapes
from pipeline.core.files import canonical_json, file_digest
from pipeline.core.store import FeatureFile

_NEEDED = {"values", "times", "mask"}


@dataclass
class Clip:
    """How one clip differs.

    Attributes:
        key: its name, or `fold-00/<clip id>`
        largest: absolute difference of a value
        mean: absolute difference over all values that were compared
        mask: frames that are observed in one file alone
        hidden: whether values differ in frames that neither file observed
        arrays: names of the others that differ, such as `times` or `crops`
    """

    key: str
    largest: float = 0.0
    mean: float = 0.0
    mask: int = 0
    hidden: bool = False
    arrays: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return bool(self.largest or self.mask or self.hidden or self.arrays)


@dataclass
class Difference:
    """What differs between two files.

    Attributes:
        same_bytes: whether the files are the same byte by byte
        attributes: (name, in the first, in the second)
        only: keys that the first alone has, and the second alone
        shapes: (key, array, shape in the first, in the second), "" for an array that is not there
        clips: all that were compared
        largest, mean: (D,) absolute difference by column, over all clips; (0,) where no clip could be compared
        columns: (D,) their names
    """

    same_bytes: bool
    attributes: list[tuple[str, str, str]]
    only: tuple[list[str], list[str]]
    shapes: list[tuple[str, str, str, str]] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    largest: np.ndarray = field(default_factory=lambda: np.zeros(0))
    mean: np.ndarray = field(default_factory=lambda: np.zeros(0))
    columns: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both hold the same clips with the same arrays; attributes, such as the code's version, may differ."""
        return not any(self.only) and not self.shapes and not any(clip.differs for clip in self.clips)


def compare(one: Path, other: Path) -> Difference:
    """Compare two feature files.

    Raises:
        ArtifactError: one of them is no feature file, or damaged
    """
    with feature_file(one) as first, feature_file(other) as second:
        here, there = set(keys(first)), set(keys(second))
        only = sorted(here - there), sorted(there - here)
        found = Difference(file_digest(one) == file_digest(other), _attributes(first, second), only)
        columns = _Columns()
        for key in sorted(here & there):
            a, b = shapes(first, key), shapes(second, key)
            unlike = [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]
            found.shapes += [(key, name, a.get(name, ""), b.get(name, "")) for name in unlike]
            if not _NEEDED & set(unlike):
                found.clips.append(_clip(first, second, key, sorted(a.keys() - _NEEDED - set(unlike)), columns))
        found.largest, found.mean = columns.largest, columns.sum / max(1, columns.frames)
        found.columns = first.meta.columns or tuple(f"{first.meta.feature}[{i}]" for i in range(len(found.largest)))
    return found


def _attributes(first: FeatureFile, second: FeatureFile) -> list[tuple[str, str, str]]:
    """Return what the files say of themselves where they say different things; of params, key by key."""
    a, b = _said(first), _said(second)
    names = list(dict.fromkeys([*a, *b]))
    return [(name, a.get(name, "not there"), b.get(name, "not there")) for name in names if a.get(name) != b.get(name)]


def _said(file: FeatureFile) -> dict[str, str]:
    found = {entry.name: str(getattr(file.meta, entry.name)) for entry in fields(file.meta) if entry.name != "params"}
    return found | {f"params.{key}": canonical_json(value) for key, value in sorted(file.meta.params.items())}


class _Columns:
    """Running figures by column."""

    def __init__(self) -> None:
        self.frames, self.largest, self.sum = 0, np.zeros(0), np.zeros(0)

    def add(self, apart: np.ndarray) -> None:
        """Take absolute differences, (n, D)."""
        if not self.largest.size:
            self.largest, self.sum = np.zeros(apart.shape[1]), np.zeros(apart.shape[1])
        if self.largest.shape == apart.shape[1:]:
            self.frames += len(apart)
            self.largest = np.maximum(self.largest, apart.max(0, initial=0))
            self.sum = self.sum + apart.sum(0)


def _clip(first: FeatureFile, second: FeatureFile, key: str, names: list[str], columns: _Columns) -> Clip:
    found, total, numbers = Clip(key), 0.0, 0
    arrays: set[str] = set()
    for a, b in zip(blocks(first, key, names), blocks(second, key, names), strict=True):
        apart, both, neither = distance(a.values, b.values), a.mask & b.mask, ~a.mask & ~b.mask
        columns.add(apart[both])
        total, numbers = total + float(apart[both].sum()), numbers + apart[both].size
        found.largest = max(found.largest, float(apart[both].max(initial=0)))
        found.mask += int((a.mask != b.mask).sum())
        found.hidden |= bool(apart[neither].any())
        pairs = {"times": (a.times, b.times), **{name: (a.extra[name], b.extra[name]) for name in names}}
        arrays |= {name for name, pair in pairs.items() if distance(*pair).any()}
    found.mean, found.arrays = total / max(1, numbers), tuple(sorted(arrays))
    return found


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a - b| of two arrays of one shape as float64: 0 where both are NaN, infinity where one is."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0  # infinity - infinity would be NaN
    return np.where(np.isnan(apart), np.inf, apart)
