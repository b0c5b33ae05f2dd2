"""What differs between two feature files, clip by clip and column by column, in the memory of one block of rows.

Two numbers are equal where they are the same or both NaN. Values are compared over the frames that are observed in both
files; a frame that is observed in one alone is counted as such, and a NaN against a number is infinitely far away.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.reading import blocks, feature_file, shapes
from pipeline.core.errors import ArtifactError
from pipeline.core.files import canonical_json, file_digest
from pipeline.core.store import FeatureFile


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
        largest: (D,) absolute difference by column, over all clips; (0,) where no clip could be compared
        mean: (D,) of the same
        columns: (D,) their names
    """

    same_bytes: bool
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    only: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
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
    for path in (one, other):
        if path.is_dir():
            raise ArtifactError(f"{path}: a folder; --diff compares two feature files")
    with feature_file(one) as first, feature_file(other) as second:
        found = Difference(file_digest(one) == file_digest(other), _attributes(first, second))
        keys, others = _keys(first), _keys(second)
        found.only = sorted(keys - others), sorted(others - keys)
        columns = _Columns()
        for key in sorted(keys & others):
            unlike = _shapes(first, second, key)
            found.shapes += unlike
            if not any(name in ("values", "times", "mask") for _, name, _, _ in unlike):
                found.clips.append(_clip(first, second, key, {name for _, name, _, _ in unlike}, columns))
        found.largest, found.mean = columns.largest, columns.sum / max(1, columns.frames)
        found.columns = first.meta.columns or tuple(f"{first.meta.feature}[{i}]" for i in range(len(found.largest)))
    return found


def _keys(file: FeatureFile) -> set[str]:
    return {f"{fold}/{name}" for fold in file.folds for name in file.clip_ids(fold)} or set(file.clip_ids())


def _attributes(first: FeatureFile, second: FeatureFile) -> list[tuple[str, str, str]]:
    """Return what the files say of themselves where they say different things; of params, key by key."""
    found = []
    for name in (entry.name for entry in fields(first.meta)):
        a, b = getattr(first.meta, name), getattr(second.meta, name)
        if name == "params":
            a, b = dict(a), dict(b)
            found += [
                (f"params.{key}", _said(a, key), _said(b, key))
                for key in sorted(a.keys() | b.keys())
                if _said(a, key) != _said(b, key)
            ]
        elif a != b:
            found.append((name, str(a), str(b)))
    return found


def _said(params: dict[str, object], key: str) -> str:
    return canonical_json(params[key]) if key in params else "not there"


def _shapes(first: FeatureFile, second: FeatureFile, key: str) -> list[tuple[str, str, str, str]]:
    a, b = shapes(first, key), shapes(second, key)
    return [
        (key, name, a.get(name, ""), b.get(name, ""))
        for name in sorted(a.keys() | b.keys())
        if a.get(name) != b.get(name)
    ]


class _Columns:
    """Running figures by column."""

    def __init__(self) -> None:
        self.frames, self.largest, self.sum = 0, np.zeros(0), np.zeros(0)

    def add(self, apart: np.ndarray) -> None:
        """Take absolute differences, (n, D)."""
        if not self.largest.size:
            self.largest, self.sum = np.zeros(apart.shape[1]), np.zeros(apart.shape[1])
        if self.largest.shape == apart.shape[1:] and len(apart):
            self.frames += len(apart)
            self.largest = np.maximum(self.largest, apart.max(0))
            self.sum = self.sum + apart.sum(0)


def _clip(first: FeatureFile, second: FeatureFile, key: str, left_out: Iterable[str], columns: _Columns) -> Clip:
    names = sorted(shapes(first, key).keys() - {"values", "times", "mask"} - set(left_out))
    found, total, numbers = Clip(key), 0.0, 0
    arrays: set[str] = set()
    for a, b in zip(blocks(first, key, names), blocks(second, key, names), strict=True):
        both = a.mask & b.mask
        apart = distance(a.values[both], b.values[both])
        columns.add(apart)
        total, numbers = total + float(apart.sum()), numbers + apart.size
        found.largest = max(found.largest, float(apart.max(initial=0)))
        found.mask += int((a.mask != b.mask).sum())
        found.hidden |= bool(distance(a.values[~a.mask & ~b.mask], b.values[~a.mask & ~b.mask]).any())
        arrays |= {name for name in names if distance(a.extra[name], b.extra[name]).any()} | (
            {"times"} if distance(a.times, b.times).any() else set()
        )
    found.mean, found.arrays = total / max(1, numbers), tuple(sorted(arrays))
    return found


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a - b| of two arrays of one shape as float64: 0 where both are NaN, infinity where one is."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0  # infinity - infinity would be NaN
    return np.where(np.isnan(apart), np.inf, apart)
