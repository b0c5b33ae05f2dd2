"""`inspect --clip ID --plot out.png`: one clip's features over time, with the face and the sound on the same axis."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cli.inspect.clip_media import faces_at, media_of
from pipeline.cli.inspect.feature_file import feature_file, key_of
from pipeline.cli.inspect.heat_map import FEW, ColumnLabels, Heat, heat_of, labels_of
from pipeline.core.errors import ArtifactError, ClipError, SettingsError, clean
from pipeline.core.store import FeatureFile, FeatureMeta
from pipeline.reporting.figures import UNOBSERVED, check_name, figure, words, write
from pipeline.runner.terminal import count

_WIDE, _RIGHT, _STRIP, _WAVE, _GAP, _TOP, _BELOW = 8.4, 1.15, 0.8, 0.9, 0.12, 0.72, 0.5
"""Inches: the time axis, what is left for the colour bar, heights of the strip and the waveform, and what lies between.
"""


@dataclass
class _Drawn:
    title: str
    meta: FeatureMeta
    heat: Heat
    end: float
    wave: tuple[np.ndarray, np.ndarray] | None = None
    faces: list[np.ndarray | None] = field(default_factory=list)


def draw(path: Path, clip_id: str, fold: str, out: Path, params: Path, root: Path | None) -> str:
    """Draw one clip of a feature file as a PNG, and return where, and what could not be drawn."""
    check_name(out)
    with feature_file(path) as file:
        drawn, notes = _gathered(file, clip_id, fold, params, root)
    _render(drawn, out)
    return "\n".join(map(clean, [str(out), *notes]))


def _gathered(file: FeatureFile, clip_id: str, fold: str, params: Path, root: Path | None) -> tuple[_Drawn, list[str]]:
    key = key_of(file, clip_id, fold)
    heat, notes, media = heat_of(file, key), [], None
    if not heat.frames:
        raise ArtifactError(f"{file.path}: clip '{clip_id}' has no frame, there is nothing to draw; see its ledger")
    level = f", {key.partition('/')[0]}" if "/" in key else ""
    title = f"{file.meta.feature} of {clip_id} ({file.path.resolve().parent.name}{level})"
    drawn = _Drawn(title, file.meta, heat, float(heat.bins[-1]))
    try:
        media = media_of(file.path.parent, clip_id, params, root)
        drawn.wave = media.envelope()
        drawn.end = max(drawn.end, float(drawn.wave[0][-1]))
        notes.append(f"sound: {media.path}")
    except (ArtifactError, SettingsError, ClipError) as error:
        notes.append(f"no waveform: {error}" + ("" if media else "; --root names the folder of the media"))
    if heat.frames == 1:
        drawn.heat = replace(heat, bins=np.array([0.0, drawn.end]), gaps=heat.gaps * drawn.end / heat.bins[-1])
    cells = int(_WIDE / _STRIP)
    try:
        times = (np.arange(cells) + 0.5) * drawn.end / cells
        source, drawn.faces = faces_at(file, clip_id, key, times, media)
        notes.append(f"face: {source}")
    except (ArtifactError, ClipError) as error:
        notes.append(f"no face: {error}")
    return drawn, notes


def _render(drawn: _Drawn, out: Path) -> None:
    ticks = labels_of(drawn.meta, drawn.heat)
    heights = [ticks.height, *([_WAVE] if drawn.wave else []), *([_STRIP] if drawn.faces else [])]  # from below
    width, height = ticks.left + _WIDE + _RIGHT, _BELOW + sum(heights) + _GAP * (len(heights) - 1) + _TOP
    with figure(width, height) as found:
        below, axes = _BELOW, []
        for tall in heights:
            axes.append(found.add_axes((ticks.left / width, below / height, _WIDE / width, tall / height)))
            below += tall + _GAP
        right = (ticks.left + _WIDE + 0.12) / width
        bar = found.add_axes((right, _BELOW / height, 0.14 / width, min(ticks.height, 4.0) / height))
        _heat(axes[0], bar, drawn, ticks)
        if drawn.wave:
            _waveform(axes[1], *drawn.wave)
        if drawn.faces:
            _strip(axes[-1], drawn.faces, drawn.end)
        for axis in axes[1:]:
            axis.tick_params(labelbottom=False, bottom=False)
            axis.spines["bottom"].set_visible(False)
        for axis in axes:
            axis.set_xlim(0, drawn.end)
        axes[0].set_xlabel("time from the beginning of the clip (s)")
        lines = ((0.2, drawn.title, 120, 11), (0.4, _subtitle(drawn), 170, 7.5), (0.56, drawn.meta.layer, 170, 7.5))
        for at, line, most, points in lines:
            look = {"fontsize": points, "weight": "bold" if line is drawn.title else "normal", "va": "center"}
            found.text(ticks.left / width, 1 - at / height, words(line, most), **look)
        write(found, out)


def _subtitle(drawn: _Drawn) -> str:
    heat, meta = drawn.heat, drawn.meta
    rate = f", {meta.rate_hz:.4g} per second" if meta.rate_hz else ""
    parts = [f"{count(heat.frames, 'frame')}{rate}, {count(meta.dimension, 'column')}"]
    if heat.together > 1:
        parts.append(f"drawn as {len(heat.rows) - 1} rows, each the largest of {heat.together} adjacent columns")
    if heat.averaged > 1:
        parts.append(f"mean of {heat.averaged} frames at a time")
    if heat.among > 1:
        parts.append(f"compared with those of other clips, since fewer than {FEW} say little")
    hatched = f"hatched: not observed ({heat.unobserved} of {heat.frames} frames)"
    parts.append(hatched if heat.unobserved else "all frames observed")
    return "; ".join(parts)


def _heat(axis: Any, bar: Any, drawn: _Drawn, ticks: ColumnLabels) -> None:
    heat = drawn.heat
    seen = heat.colours[np.isfinite(heat.colours)]
    low, high = np.percentile(seen, [1, 99]) if seen.size else (-1.0, 1.0)
    scale = {"cmap": "viridis", "vmin": low, "vmax": max(high, low + 1e-6)}
    mesh = axis.pcolormesh(heat.bins, heat.rows, np.ma.masked_invalid(heat.colours), rasterized=True, **scale)
    if len(heat.gaps):
        spans = [(begin, end - begin) for begin, end in heat.gaps]
        axis.broken_barh(spans, (0, int(heat.rows[-1])), zorder=2, **UNOBSERVED)
    axis.set_ylim(0, heat.rows[-1])
    axis.set_yticks(ticks.at, [words(label) for label in ticks.labels], fontsize=ticks.points)
    axis.set_ylabel(ticks.name)
    for line in ticks.lines:
        axis.axhline(line, color="white", linewidth=1.4)
    axis.figure.colorbar(mesh, cax=bar)
    among = "in this clip" if heat.among == 1 else f"among {heat.among} clips"
    bar.set_ylabel(f"standard deviations\nfrom the column's mean\n{among}", fontsize=7)
    bar.tick_params(labelsize=7)


def _waveform(axis: Any, times: np.ndarray, samples: np.ndarray) -> None:
    axis.fill_between(times, samples[:, 0], samples[:, 1], color="#0072B2", linewidth=0.3, step="post")
    most = max(0.01, float(np.abs(samples).max()))
    axis.set_ylim(-1.05 * most, 1.05 * most)
    axis.set_ylabel("amplitude\n(1 = full scale)", fontsize=7)
    axis.tick_params(labelsize=7)


def _strip(axis: Any, faces: list[np.ndarray | None], end: float) -> None:
    """Draw pictures side by side, each in the middle of its share of the time, with the proportions that they have."""
    from matplotlib.patches import Rectangle

    share, second = end / len(faces), _WIDE / end  # s, inches per second
    for number, face in enumerate(faces):
        if face is None:
            axis.add_patch(Rectangle(((number + 0.03) * share, 0.02), 0.94 * share, 0.96, **UNOBSERVED))
            continue
        scale = min(_STRIP / face.shape[0], share * second / face.shape[1])  # inches per pixel
        wide, tall = 0.97 * scale * face.shape[1] / second, 0.97 * scale * face.shape[0] / _STRIP
        middle = (number + 0.5) * share
        axis.imshow(face, extent=(middle - wide / 2, middle + wide / 2, 0.5 - tall / 2, 0.5 + tall / 2), aspect="auto")
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel("face", fontsize=7)
    axis.spines["left"].set_visible(False)
