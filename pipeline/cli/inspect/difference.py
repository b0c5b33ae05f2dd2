"""What differs between two feature files, clip by clip and column by column, in the memory of one block of rows.

Two numbers are equal where they are the same or both NaN. Values are compared over the frames that are observed in both
files; a frame that is observed in one alone is counted as such, and a NaN against a number is infinitely far away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.feature_file import blocks, column_names, feature_file, keys_in
from pipeline.core.files import canonical_json, file_digest
from pipeline.core.store import FeatureFile
from pipeline.runner.layout import Part, shown, some, table, text_of
from pipeline.runner.terminal import count, figure, short

_NEEDED = {"values", "times", "mask"}
_SHOWN = 20
_ABSENT = "not there"


@dataclass
class Clip:
    """How one clip differs."""

    key: str  # its name, or `fold-00/<clip id>`
    largest: float = 0.0  # absolute difference of a value
    mean: float = 0.0  # absolute difference over all values that were compared
    mask: int = 0  # frames that are observed in one file alone
    beside: tuple[str, ...] = ()  # such as `times`, `crops` or values of frames that neither file observed

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return bool(self.largest or self.mask or self.beside)


@dataclass
class Difference:
    """What differs between two files."""

    same_bytes: bool
    attributes: list[tuple[str, str, str]]  # name, in the first, in the second
    only: tuple[list[str], list[str]]  # keys that the first alone has, and the second alone
    columns: tuple[str, ...]  # (D,) their names
    shapes: list[tuple[str, str, str, str]] = field(default_factory=list)  # key, array, in the first, in the second
    clips: list[Clip] = field(default_factory=list)  # all that were compared
    frames: int = 0  # observed in both
    largest: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (D,) absolute, over all clips; (0,) without one
    sum: np.ndarray = field(default_factory=lambda: np.zeros(0))  # (D,) likewise

    @property
    def equal(self) -> bool:
        """Whether both hold the same clips with the same arrays; attributes, such as the code's version, may differ."""
        return not any(self.only) and not self.shapes and not any(clip.differs for clip in self.clips)

    def take(self, apart: np.ndarray) -> None:
        """Take absolute differences, (n, D), into the figures by column."""
        if not self.largest.size:
            self.largest, self.sum = np.zeros(apart.shape[1]), np.zeros(apart.shape[1])
        if self.largest.shape == apart.shape[1:]:
            self.frames += len(apart)
            self.largest = np.maximum(self.largest, apart.max(0, initial=0))
            self.sum = self.sum + apart.sum(0)


def compare(one: Path, other: Path) -> Difference:
    """Compare two feature files."""
    with feature_file(one) as first, feature_file(other) as second:
        here, there = ({key for fold in file.folds or [""] for key in keys_in(file, fold)} for file in (first, second))
        a, b = _said(first), _said(second)
        said = [(name, a.get(name, _ABSENT), b.get(name, _ABSENT)) for name in dict.fromkeys([*a, *b])]
        changed = [row for row in said if row[1] != row[2]]
        only = sorted(here - there), sorted(there - here)
        found = Difference(file_digest(one) == file_digest(other), changed, only, column_names(first.meta))
        for key in sorted(here & there):
            a, b = _shapes(first, key), _shapes(second, key)
            unlike = {name for name in a.keys() | b.keys() if a.get(name) != b.get(name)}
            found.shapes += [(key, name, a.get(name, _ABSENT), b.get(name, _ABSENT)) for name in sorted(unlike)]
            if not _NEEDED & unlike:
                found.clips.append(_clip(first, second, key, sorted(a.keys() - _NEEDED - unlike), found))
    return found


def _said(file: FeatureFile) -> dict[str, str]:
    """Return what a file says of itself; of params, key by key."""
    found = {entry.name: str(getattr(file.meta, entry.name)) for entry in fields(file.meta) if entry.name != "params"}
    return found | {f"params.{key}": canonical_json(value) for key, value in sorted(file.meta.params.items())}


def _shapes(file: FeatureFile, key: str) -> dict[str, str]:
    """Return array -> its shape and type, such as `(104, 147) float32`, without reading it."""
    frames = len(file.frames(key)[1])
    none = file.part_of(key, slice(0, 0)).arrays()
    return {name: f"{(frames, *array.shape[1:])} {array.dtype}" for name, array in none.items()}


def _clip(first: FeatureFile, second: FeatureFile, key: str, names: list[str], found: Difference) -> Clip:
    clip, total, numbers, hidden = Clip(key), 0.0, 0, False
    arrays: set[str] = set()
    for a, b in zip(blocks(first, key, names), blocks(second, key, names), strict=True):
        apart, both, neither = distance(a.values, b.values), a.mask & b.mask, ~a.mask & ~b.mask
        found.take(apart[both])
        total, numbers = total + float(apart[both].sum()), numbers + apart[both].size
        clip.largest = max(clip.largest, float(apart[both].max(initial=0)))
        clip.mask += int((a.mask != b.mask).sum())
        hidden |= bool(apart[neither].any())
        pairs = {"times": (a.times, b.times), **{name: (a.extra[name], b.extra[name]) for name in names}}
        arrays |= {name for name, pair in pairs.items() if distance(*pair).any()}
    clip.mean = total / max(1, numbers)
    clip.beside = (*sorted(arrays), *(["values of unobserved frames"] if hidden else []))
    return clip


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return |a - b| of two arrays of one shape as float64: 0 where both are NaN, infinity where one is."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    apart[(a == b) | (np.isnan(a) & np.isnan(b))] = 0  # infinity - infinity would be NaN
    return np.where(np.isnan(apart), np.inf, apart)


def describe(one: Path, other: Path) -> tuple[str, bool]:
    """Return the difference in words, the verdict first, then what differs, worst first; and whether there is none."""
    found = compare(one, other)
    said = [[name, short(a, 60), short(b, 60)] for name, a, b in found.attributes]
    only = [f"only in {name}: {some(names, _SHOWN)}" for name, names in zip("AB", found.only, strict=True) if names]
    attributes = [table(["attribute", "A", "B"], said, range(3))] if said else []
    shapes = _table(["clip", "array", "A", "B"], found.shapes, range(4))
    parts: list[Part] = [_verdict(found), f"  A  {one}", f"  B  {other}"]
    for part in (attributes, only, shapes, _clips(found), _columns(found)):
        parts += ["", *part] if part else []
    return text_of(parts), found.equal


def _verdict(found: Difference) -> str:
    if found.same_bytes:
        return "equal bytes"
    if found.equal:
        return "equal values" + (", other attributes" if found.attributes else ", laid out otherwise in the file")
    changed = sum(clip.differs for clip in found.clips)
    parts = [f"{changed} of {count(len(found.clips), 'clip')} that could be compared"]
    only = zip("AB", found.only, strict=True)
    parts += [f"{count(len(names), 'clip')} only in {name}" for name, names in only if names]
    parts += [f"{count(len(found.shapes), 'array')} of another shape"] if found.shapes else []
    return f"different: {', '.join(parts)}"


def _table(header: list[str], rows: Sequence[Sequence[object]], texts: Sequence[int]) -> list[Part]:
    return shown([table(header, rows[:_SHOWN], texts)], len(rows), _SHOWN) if rows else []


def _clips(found: Difference) -> list[Part]:
    changed = [clip for clip in found.clips if clip.differs]
    changed.sort(key=lambda clip: (-clip.largest, -clip.mean, -clip.mask, clip.key))
    rows = [[c.key, figure(c.largest), figure(c.mean), c.mask or ".", ", ".join(c.beside)] for c in changed]
    masks = [clip.mask for clip in changed if clip.mask]
    said = f"{count(sum(masks), 'frame')} in {count(len(masks), 'clip')} observed in one file alone"
    header = ["clip", "largest |A-B|", "mean |A-B|", "mask, frames", "also differs"]
    return [*([said] if masks else []), *_table(header, rows, (0, 4))]


def _columns(found: Difference) -> list[Part]:
    mean = found.sum / max(1, found.frames)
    order = np.lexsort((np.arange(len(mean)), -mean, -found.largest))
    rows = [[found.columns[at], at, figure(found.largest[at]), figure(mean[at])] for at in order if found.largest[at]]
    return _table(["column", "number", "largest |A-B|", "mean |A-B|"], rows, (0,))
