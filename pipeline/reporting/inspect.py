"""What is inside a feature file, as a compact table for the terminal."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import ArtifactError, did_you_mean
from pipeline.core.store import ClipFeatures, FeatureFile, FeatureMeta

_SHOWN = 20
_CLIP_COLUMNS = 200


def describe(path: Path) -> str:
    """Return feature, layer, shapes, dtype, ranges, NaN and coverage of a file, with a line per clip (20 at most).

    Raises:
        ArtifactError: not a feature file
    """
    with FeatureFile(path) as file:
        folds = file.folds
        level = folds[0] if folds else ""
        ids = file.clip_ids(level)
        clips = {clip_id: file.read(clip_id, level) for clip_id in ids[:_SHOWN]}
        totals = _Totals()
        for clip_id in ids:
            totals.add(clips.get(clip_id) or file.read(clip_id, level, ()))
        lines = [f"{path}", *_about(file.meta), f"{'clips':>12}  {len(ids)}" + (f", in each of {len(folds)} folds (shown: {level})" if folds else "")]
    lines += totals.lines()
    lines += ["", f"{'clip':<28}{'values':>14}{'seconds':>9}{'observed':>10}{'min':>11}{'mean':>11}{'max':>11}"]
    lines += [_clip_line(clip_id, clip) for clip_id, clip in clips.items()]
    if len(ids) > _SHOWN:
        lines.append(f"... and {len(ids) - _SHOWN} more; one of them: --clip {ids[-1]}")
    return "\n".join(lines)


def _about(meta: FeatureMeta) -> list[str]:
    rate = f"{meta.rate_hz:g} frames/s" if meta.rate_hz else "none; each row has its own time"
    columns = f"{meta.dimension}" + (f": {', '.join(meta.columns[:4])}{', ...' if len(meta.columns) > 4 else ''}" if meta.columns else "")
    rows = {
        "feature": meta.feature,
        "layer": ", ".join(f"{name} {shape}" for name, shape in meta.layers) or meta.layer or "none: computed without a network",
        "columns": columns,
        "dtype": meta.dtype,
        "rate": rate,
        "params": ", ".join(f"{key}={value}" for key, value in meta.params.items()) or "none",
        "weights": f"{meta.weights[:16]}... ({meta.origin})" if meta.weights else "none",
        "code": meta.version,
    }
    return [f"{key:>12}  {value}" for key, value in rows.items()]


class _Totals:
    """Running figures over all clips, so that a file of any size needs the memory of one clip."""

    def __init__(self) -> None:
        self.frames = self.observed = self.nan = 0
        self.low, self.high = np.inf, -np.inf

    def add(self, clip: ClipFeatures) -> None:
        self.frames += len(clip.mask)
        self.observed += int(clip.mask.sum())
        seen = clip.values[clip.mask].astype(np.float64)
        self.nan += int(np.isnan(seen).sum())
        if seen.size:
            self.low, self.high = min(self.low, float(np.nanmin(seen))), max(self.high, float(np.nanmax(seen)))

    def lines(self) -> list[str]:
        share = self.observed / self.frames if self.frames else 0.0
        return [
            f"{'frames':>12}  {self.frames}, observed {share:.1%}",
            f"{'range':>12}  {self.low:.4g} to {self.high:.4g}; {self.nan} NaN in observed frames",
        ]


def _clip_line(clip_id: str, clip: ClipFeatures) -> str:
    seen = clip.values[clip.mask].astype(np.float64)
    shape = "x".join(map(str, clip.values.shape))
    seconds = f"{clip.times[-1]:.2f}" if len(clip.times) else "-"
    figures = [f"{f(seen):.4g}" if seen.size else "-" for f in (np.min, np.mean, np.max)]
    name = clip_id if len(clip_id) <= 27 else clip_id[:24] + "..."
    return f"{name:<28}{shape:>14}{seconds:>9}{clip.mask.mean():>10.1%}" + "".join(f"{figure:>11}" for figure in figures)


def describe_clip(path: Path, clip_id: str) -> str:
    """Return one clip's arrays and its columns: mean, deviation, minimum and maximum over observed frames.

    Raises:
        ArtifactError: not a feature file, or no such clip in it
    """
    with FeatureFile(path) as file:
        level = file.folds[0] if file.folds else ""
        ids = file.clip_ids(level)
        if clip_id not in ids:
            raise ArtifactError(f"{path}: no clip '{clip_id}'{did_you_mean(clip_id, ids) if len(ids) < 5000 else ''}")
        clip, meta = file.read(clip_id, level), file.meta
    arrays = {"values": clip.values, "times": clip.times, "mask": clip.mask, **clip.extra}
    lines = [f"{path}: {clip_id}" + (f" in {level}" if level else "")]
    lines += [f"{name:>12}  {array.dtype} {array.shape}" for name, array in arrays.items()]
    lines += ["", f"{'column':<42}{'mean':>12}{'std':>12}{'min':>12}{'max':>12}"]
    seen = clip.values[clip.mask].astype(np.float64)
    names = meta.columns or tuple(f"{meta.feature}[{i}]" for i in range(meta.dimension))
    if len(seen):
        for name, column in list(zip(names, seen.T, strict=True))[:_CLIP_COLUMNS]:
            figures = (column.mean(), column.std(), column.min(), column.max())
            lines.append(f"{name:<42}" + "".join(f"{figure:>12.4g}" for figure in figures))
    if len(names) > _CLIP_COLUMNS:
        lines.append(f"... and {len(names) - _CLIP_COLUMNS} more columns")
    return "\n".join(lines)
