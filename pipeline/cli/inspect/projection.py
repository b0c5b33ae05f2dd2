"""Clips as points in a plane: the mean over a clip's observed frames, each column on one scale, two axes of all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cli.inspect.feature_file import Summary, feature_file, fold_of, key_in
from pipeline.core.clip import read_manifest
from pipeline.core.errors import ArtifactError, clean
from pipeline.reporting.figures import COLOURS, MARKERS, check_name, figure, words, write
from pipeline.runner.terminal import count, emotions_of

_FEWEST = 4
_EXACT = 1500
"""Beyond so many clips and columns PCA is randomised, with a fixed seed."""
_BEFORE_TSNE = 50
"""Components that t-SNE begins with."""
_NAMED = 12
"""As many values as a legend names; from then on the rarer ones share a grey point."""


@dataclass(frozen=True)
class Projection:
    """Clips in a plane: points (N, 2), what the two axes are, emotion and speaker of each, and which are left out."""

    title: str
    points: np.ndarray
    axes: tuple[str, str]
    emotions: list[str]
    speakers: list[str]
    notes: list[str]


def draw(path: Path, fold: str, out: Path, method: str = "pca") -> str:
    """Draw the clips of a feature file as points of a PNG, by pca or tsne; return where, and which are left out."""
    check_name(out)
    found = project(path, fold, method)
    _render(found, out)
    return "\n".join(map(clean, [str(out), *found.notes]))


def project(path: Path, fold: str = "", method: str = "pca") -> Projection:
    """Return the clips of a feature file, which has manifest.csv beside it, as points in a plane."""
    labels = {clip.clip_id: (clip.emotion, clip.speaker) for clip in read_manifest(path.parent / "manifest.csv")}
    means: dict[str, np.ndarray] = {}
    left: Counter[str] = Counter()
    with feature_file(path) as file:
        level, feature = fold_of(file, fold), file.meta.feature
        for name in file.clip_ids(level):
            clip = Summary.of(file, [key_in(level, name)])
            if not clip.observed:
                left["without an observed frame"] += 1
            elif clip.nan or not np.isfinite(clip.mean).all():
                left["with NaN or infinity"] += 1
            elif name not in labels:
                left["that manifest.csv lacks"] += 1
            else:
                means[name] = clip.mean.astype(np.float32)
    if len(means) < _FEWEST:
        few = f"{count(len(means), 'clip')} with an observed frame, {_FEWEST} are needed"
        raise ArtifactError(f"{path}: {few}; see the ledger beside it")
    notes = [f"left out: {count(number, 'clip')} {why}" for why, number in left.items()]
    points, axes = _plane(np.array(list(means.values()), np.float64), method)
    title = f"{feature}, {count(len(means), 'clip')} of {path.resolve().parent.name}" + (f", {level}" if level else "")
    emotions, speakers = ([labels[name][at] for name in means] for at in range(2))
    return Projection(title, points, axes, emotions, speakers, notes)


def _plane(means: np.ndarray, method: str) -> tuple[np.ndarray, tuple[str, str]]:
    """Return (points (N, 2), what the axes are) of clips (N, D)."""
    from sklearn.decomposition import PCA

    spread = means.std(0)
    scaled = (means - means.mean(0)) / np.where(spread > 1e-12, spread, 1)
    most = min(scaled.shape)
    solver = "full" if most <= _EXACT else "randomized"
    components = 2 if method == "pca" else min(_BEFORE_TSNE, most)
    if most < 2:  # one column: a line
        scaled = np.concatenate([scaled, np.zeros_like(scaled)], axis=1)
        components = 2
    pca = PCA(components, svd_solver=solver, random_state=0)
    reduced = pca.fit_transform(scaled)
    if method == "pca":
        first, second = (float(share) for share in np.nan_to_num(pca.explained_variance_ratio_[:2]))
        said = "{} component ({:.1%} of the variance)"
        return reduced, (said.format("first", first), said.format("second", second))
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(means) - 1) / 3)
    kept = float(np.nan_to_num(pca.explained_variance_ratio_).sum())
    points = TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    said = f"t-SNE of {reduced.shape[1]} components ({kept:.0%} of the variance), perplexity {perplexity:.3g}"
    return points, (f"first axis, {said}", "second axis, no unit")


def _render(found: Projection, out: Path) -> None:
    with figure(12.5, 5.4) as drawn:
        drawn.set_layout_engine("constrained")
        left, right = drawn.subplots(1, 2, sharex=True, sharey=True)
        title = "; ".join([f"{found.title}: mean over observed frames, standardised", *found.notes])
        drawn.suptitle(words(title, 160), fontsize=10, weight="bold")
        _panel(left, found, found.emotions, emotions_of(found.emotions), "emotion")
        _panel(right, found, found.speakers, sorted(set(found.speakers)), "speaker")
        write(drawn, out)


def _panel(axis: Any, found: Projection, values: list[str], order: list[str], title: str) -> None:
    from matplotlib.lines import Line2D

    named = order
    if len(order) > _NAMED:
        named = sorted(sorted(order, key=lambda name: (-values.count(name), name))[: _NAMED - 1])
    kind = np.array([named.index(value) if value in named else -1 for value in values])
    handles = []
    for number in [*range(len(named)), *([-1] if (kind < 0).any() else [])]:
        colour, marker = (COLOURS[number], MARKERS[number]) if number >= 0 else ("#bbbbbb", ".")
        chosen = found.points[kind == number]
        look = {"s": 34, "c": colour, "marker": marker, "edgecolors": "white", "linewidths": 0.5}
        axis.scatter(chosen[:, 0], chosen[:, 1], zorder=2 + (number >= 0), **look)
        label = words(named[number], 28) if number >= 0 else f"{len(order) - len(named)} other {title}s"
        label = f"{label} ({len(chosen)})"
        handles.append(Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6, label=label))
    axis.set_title(f"by {title}")
    axis.set_xlabel(found.axes[0])
    axis.set_ylabel(found.axes[1])
    axis.legend(handles=handles, title=f"{title} (clips)", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
