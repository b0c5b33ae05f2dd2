"""What is inside a feature file, as a compact table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.reading import blocks, feature_file, fold_of, key_of
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta
from pipeline.runner.terminal import figure, pairs, short, table

_SHOWN = 20
_CLIP_COLUMNS = 200


def describe(path: Path, fold: str = "") -> list[str]:
    """Return feature, layers, shapes, dtype, ranges, NaN and coverage of a file, with a line per clip (20 at most).

    Args:
        path: a feature file
        fold: which fold to look at where the feature is learned per fold; the first if not given

    Raises:
        ArtifactError: not a feature file, or damaged
    """
    with feature_file(path) as file:
        level = fold_of(file, fold)
        ids = file.clip_ids(level)
        totals, shown = _Figures(file.meta), []
        for number, clip_id in enumerate(ids):
            alone = _figures(file, f"{level}/{clip_id}" if level else clip_id)
            totals.join(alone)
            if number < _SHOWN:
                shown.append(alone.row(clip_id))
        about = [*_about(file.meta), *_arrays(file, level, ids), *_clips(file, level, ids), *totals.rows()]
    lines = [f"{path}", *pairs(about), ""]
    lines += table(["clip", "values", "seconds", "observed", "min", "mean", "max"], shown)
    if len(ids) > _SHOWN:
        lines.append(f"... and {len(ids) - _SHOWN} more; one of them: --clip {ids[-1]}")
    return lines


def _about(meta: FeatureMeta) -> Iterator[tuple[str, str]]:
    named = f": {', '.join(meta.columns[:4])}{', ...' if len(meta.columns) > 4 else ''}" if meta.columns else ""
    yield "feature", meta.feature
    yield from _layers(meta)
    yield "columns", f"{meta.dimension}{named}"
    yield "dtype", meta.dtype
    yield "rate", f"{meta.rate_hz:g} frames/s" if meta.rate_hz else "none; each row has its own time"
    yield "params", ", ".join(f"{key}={value}" for key, value in meta.params.items()) or "none"
    yield "weights", f"{meta.weights[:16]}... ({meta.origin})" if meta.weights else "none"
    yield "code", meta.version


def _layers(meta: FeatureMeta) -> Iterator[tuple[str, str]]:
    if len(meta.layers) < 2:
        words = ", ".join(f"{name} {shape}" for name, shape in meta.layers)
        yield "layer", words or meta.layer or "none: computed without a network"
        return
    begin = 0
    for (name, shape), width in zip(meta.layers, meta.widths, strict=True):
        yield ("" if begin else "layers"), f"{name} {shape}, columns {begin} to {begin + width - 1}"
        begin += width


def _arrays(file: FeatureFile, level: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a clip holds beside values, times and mask, as in `faces.h5`."""
    if ids:
        first = file.part_of(f"{level}/{ids[0]}" if level else ids[0], slice(0, 1))
        words = ", ".join(
            f"{name} {('T', *array.shape[1:])} {array.dtype}".replace("'", "") for name, array in first.extra.items()
        )
        if words:
            yield "beside", words


def _clips(file: FeatureFile, level: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    folds = file.folds
    yield "clips", f"{len(ids)}" + (f", in each of {len(folds)} folds (shown: {level})" if folds else "")
    if level:
        parts = Counter(file.part(clip_id, level) or "not noted" for clip_id in ids)
        yield "parts", ", ".join(f"{name} {number}" for name, number in sorted(parts.items()))


class _Figures:
    """Running figures over rows, so that a file of any size needs the memory of one block."""

    def __init__(self, meta: FeatureMeta) -> None:
        self.meta = meta
        self.frames = self.observed = self.nan = self.numbers = 0
        self.low, self.high, self.sum, self.last = np.inf, -np.inf, 0.0, np.nan

    def add(self, block: ClipFeatures) -> None:
        """Take rows of one clip."""
        self.frames += len(block.mask)
        self.observed += int(block.mask.sum())
        self.last = float(block.times[-1]) if len(block.times) else self.last
        seen = block.values[block.mask].astype(np.float64)
        known = seen[~np.isnan(seen)]
        self.nan += seen.size - known.size
        if known.size:
            self.numbers, self.sum = self.numbers + known.size, self.sum + float(known.sum())
            self.low, self.high = min(self.low, float(known.min())), max(self.high, float(known.max()))

    def join(self, other: _Figures) -> None:
        """Take the figures of a clip."""
        for name in ("frames", "observed", "nan", "numbers", "sum"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    def rows(self) -> Iterator[tuple[str, str]]:
        """Yield what is said of all clips."""
        yield "frames", f"{self.frames}, observed {self.observed / self.frames if self.frames else 0:.1%}"
        span = f"{figure(self.low)} to {figure(self.high)}" if self.numbers else "none"
        yield "range", f"{span}; {self.nan} NaN in observed frames"

    def row(self, clip_id: str) -> list[str]:
        """Return what is said of one clip."""
        figures = (self.low, self.sum / self.numbers, self.high) if self.numbers else ()
        seconds = "-" if np.isnan(self.last) else f"{self.last:.2f}"
        observed = f"{self.observed / self.frames:.1%}" if self.frames else "-"
        shape = f"{self.frames}x{self.meta.dimension}"
        return [short(clip_id, 40), shape, seconds, observed, *(map(figure, figures) if figures else "---")]


def _figures(file: FeatureFile, key: str) -> _Figures:
    found = _Figures(file.meta)
    for block in blocks(file, key):
        found.add(block)
    return found


def describe_clip(path: Path, clip_id: str, fold: str = "") -> list[str]:
    """Return one clip's arrays and its columns: mean, deviation, minimum and maximum over observed frames.

    Raises:
        ArtifactError: not a feature file, damaged, or no such clip in it
    """
    with feature_file(path) as file:
        key = key_of(file, clip_id, fold)
        head = file.part_of(key, slice(0, 1))
        frames, columns = _columns(file, key)
        meta = file.meta
    level = key.removesuffix(clip_id).rstrip("/")
    lines = [f"{path}: {clip_id}" + (f" in {level}" if level else "")]
    lines += [f"{name:>12}  {array.dtype} {(frames, *array.shape[1:])}" for name, array in head.arrays().items()]
    names = meta.columns or tuple(f"{meta.feature}[{i}]" for i in range(meta.dimension))
    lines += [
        "",
        *table(
            ["column", "mean", "std", "min", "max"],
            [[n, *map(figure, c)] for n, c in list(zip(names, columns, strict=False))[:_CLIP_COLUMNS]],
        ),
    ]
    if len(names) > _CLIP_COLUMNS:
        lines.append(f"... and {len(names) - _CLIP_COLUMNS} more columns")
    return lines


def _columns(file: FeatureFile, key: str) -> tuple[int, np.ndarray]:
    """Return (frames, (D, 4): mean, deviation, minimum, maximum of each column); no column without an observed frame."""
    frames = number = 0
    mean = spread = low = high = np.zeros(0)
    for block in blocks(file, key):
        frames += len(block.mask)
        seen = block.values[block.mask].astype(np.float64)
        if not len(seen):
            continue
        if not number:
            mean, spread, low, high = seen[0] * 0, seen[0] * 0, seen[0], seen[0]
        # Chan et al. 1983: mean and sum of squares of two parts together
        apart, both = seen.mean(0) - mean, number + len(seen)
        spread = spread + ((seen - seen.mean(0)) ** 2).sum(0) + apart**2 * number * len(seen) / both
        mean, number = mean + apart * len(seen) / both, both
        low, high = np.minimum(low, seen.min(0)), np.maximum(high, seen.max(0))
    return frames, np.stack([mean, np.sqrt(spread / max(1, number)), low, high], axis=1)
