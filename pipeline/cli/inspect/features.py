"""What is inside a feature file, as a compact table for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.cli.inspect.feature_file import Summary, column_names, feature_file, fold_of, key_in, key_of, lost_clips
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.protocols.refit import of_them_refit
from pipeline.runner.layout import Part, pairs, shown, table
from pipeline.runner.terminal import count, figure, short

_SHOWN, _CLIP_COLUMNS, _LOST = 20, 200, 8


def describe(path: Path, fold: str = "") -> list[Part]:
    """Return feature, layers, shapes, dtype, ranges, NaN and coverage of a file, with a line per clip (20 at most)."""
    with feature_file(path) as file:
        level = fold_of(file, fold)
        ids, total = file.clip_ids(level), Summary(file.meta.dimension)
        lines: list[list[str]] = []
        for clip_id in ids:
            clip = Summary.of(file, [key_in(level, clip_id)])
            total.join(clip)
            if len(lines) < _SHOWN:
                lines.append(_line(clip_id, clip))
        about = [*_about(file.meta), *_clips(file, level, ids)]
    known = f"{figure(total.low.min())} to {figure(total.high.max())}" if total.number.any() else "none"
    about.append(("frames", f"{total.frames}, observed {total.observed / max(1, total.frames):.1%}"))
    if gone := lost_clips(path):
        named = ", ".join(f"{name} ({entry.reason})" for name, entry in list(gone.items())[:_LOST])
        about.append(("lost", f"{count(len(gone), 'clip')}: {named}{', ...' * (len(gone) > _LOST)}"))
    about.append(("range", f"{known}; {total.nan} NaN in observed frames"))
    clips = table(["clip", "values", "seconds", "observed", "min", "mean", "max"], lines)
    more = f"more; one of them: --clip {ids[-1]}" if ids else ""
    return [f"{path}", pairs(about), "", *shown([clips], len(ids), _SHOWN, more)]


def _about(meta: FeatureMeta) -> Iterator[tuple[str, str]]:
    named = f": {', '.join(meta.columns[:4])}{', ...' if len(meta.columns) > 4 else ''}" if meta.columns else ""
    yield "feature", meta.feature
    if len(meta.layers) < 2:
        words = ", ".join(f"{name} {shape}" for name, shape in meta.layers)
        yield "layer", words or meta.layer or "none: computed without a network"
    else:
        ends = np.cumsum(meta.widths)
        for (name, shape), begin, end in zip(meta.layers, [0, *ends], ends, strict=False):
            yield ("" if begin else "layers"), f"{name} {shape}, columns {begin} to {end - 1}"
    yield "columns", f"{meta.dimension}{named}"
    yield "dtype", meta.dtype
    yield "rate", f"{meta.rate_hz:g} frames/s" if meta.rate_hz else "none; each row has its own time"
    yield "params", ", ".join(f"{key}={value}" for key, value in meta.params.items()) or "none"
    yield "weights", f"{meta.weights[:16]}... ({meta.origin})" if meta.weights else "none"
    yield "code", meta.version


def _clips(file: FeatureFile, level: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what a clip holds beside values, times and mask, as in `faces.h5`, and how many clips there are."""
    extra = file.part_of(key_in(level, ids[0]), slice(0, 1)).extra if ids else {}
    if extra:
        shapes = {name: "".join(f", {size}" for size in array.shape[1:]) or "," for name, array in extra.items()}
        yield "beside", ", ".join(f"{name} (T{shapes[name]}) {array.dtype}" for name, array in extra.items())
    folds, again = of_them_refit(file.folds)
    beside = "; beside them each learned anew with its validation clips (refit)" if again else ""
    yield "clips", f"{len(ids)}" + (f", in each of {len(folds)} folds (shown: {level}){beside}" if folds else "")
    if level:
        parts = Counter(file.part(clip_id, level) or "not noted" for clip_id in ids)
        yield "parts", ", ".join(f"{name} {number}" for name, number in sorted(parts.items()))


def _line(clip_id: str, clip: Summary) -> list[str]:
    figures, number = ["-"] * 3, clip.number.sum()
    if number:
        mean = float((clip.mean * clip.number).sum() / number)
        figures = [figure(value) for value in (clip.low.min(), mean, clip.high.max())]
    seconds = "-" if np.isnan(clip.last) else f"{clip.last:.2f}"
    observed = f"{clip.observed / clip.frames:.1%}" if clip.frames else "-"
    return [short(clip_id, 40), f"{clip.frames}x{len(clip.mean)}", seconds, observed, *figures]


def describe_clip(path: Path, clip_id: str, fold: str = "") -> list[Part]:
    """Return one clip's arrays and its columns: mean, deviation, minimum and maximum over observed frames."""
    with feature_file(path) as file:
        key, meta = key_of(file, clip_id, fold), file.meta
        arrays = file.part_of(key, slice(0, 1)).arrays()
        clip = Summary.of(file, [key])
    level = key.removesuffix(clip_id).rstrip("/")
    held = [(name, f"{array.dtype} {(clip.frames, *array.shape[1:])}") for name, array in arrays.items()]
    figures = np.stack([clip.mean, clip.deviation, clip.low, clip.high], axis=1)
    named = zip(column_names(meta), figures, strict=True)
    rows = [[name, *map(figure, row)] for name, row in named] if clip.observed else []
    columns = table(["column", "mean", "std", "min", "max"], rows[:_CLIP_COLUMNS])
    title = f"{path}: {clip_id}" + (f" in {level}" if level else "")
    return [title, pairs(held), "", *shown([columns], meta.dimension, _CLIP_COLUMNS, "more columns")]
