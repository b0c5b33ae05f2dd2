"""Clips as points in a plane: the mean over a clip's observed frames, each column on one scale, then two axes of all of
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cli.inspect.reading import blocks, feature_file, fold_of
from pipeline.core.clip import read_manifest
from pipeline.core.errors import ArtifactError
from pipeline.core.store import FeatureFile
from pipeline.reporting.figures import COLOURS, MARKERS, check_name, figure, words, write
from pipeline.runner.terminal import clean, count, emotions_of

METHODS = ("pca", "tsne")
_FEWEST = 4
_EXACT = 1500
"""Beyond so many clips and columns PCA is randomised, with a fixed seed."""
_BEFORE_TSNE = 50
_NAMED = 12
"""As many values as a legend names; from then on the rarer ones share a grey point."""


@dataclass(frozen=True)
class Projection:
    """Clips in a plane.

    Attributes:
        title: what they are
        points: (N, 2)
        axes: what the two axes are
        emotions: (N,) of the clips
        speakers: (N,) of the clips
        notes: clips that are left out, in words
    """

    title: str
    points: np.ndarray
    axes: tuple[str, str]
    emotions: list[str]
    speakers: list[str]
    notes: list[str]


def draw(path: Path, fold: str, out: Path, method: str = "pca") -> str:
    """Draw the clips of a feature file as points, and return where, and which are left out.

    Args:
        path: a feature file, with manifest.csv in its folder
        fold: which fold where the feature is learned per fold; "" = the first
        out: the PNG
        method: pca, or tsne on the first 50 components

    Raises:
        ArtifactError: no feature file, no manifest, or fewer than four clips with an observed frame
        SettingsError: `out` is no name of a PNG
    """
    check_name(out)
    found = project(path, fold, method)
    _render(found, out)
    return "\n".join(map(clean, [str(out), *found.notes]))


def project(path: Path, fold: str = "", method: str = "pca") -> Projection:
    """Return the clips of a feature file as points in a plane; arguments and errors as `draw`."""
    labels = {clip.clip_id: (clip.emotion, clip.speaker) for clip in read_manifest(path.parent / "manifest.csv")}
    with feature_file(path) as file:
        level = fold_of(file, fold)
        ids = file.clip_ids(level)
        means = {name: _mean(file, f"{level}/{name}" if level else name) for name in ids}
        feature = file.meta.feature
    unseen = [name for name, mean in means.items() if mean is None]
    odd = [name for name, mean in means.items() if mean is not None and not np.isfinite(mean).all()]
    strange = [name for name in ids if name not in labels]
    kept = [name for name in ids if name not in {*unseen, *odd, *strange}]
    if len(kept) < _FEWEST:
        raise ArtifactError(
            f"{path}: {count(len(kept), 'clip')} with an observed frame, {_FEWEST} are needed; see the ledger beside it"
        )
    notes = [
        f"left out: {count(len(names), 'clip')} {why}"
        for names, why in (
            (unseen, "without an observed frame"),
            (odd, "with NaN or infinity"),
            (strange, "that manifest.csv lacks"),
        )
        if names
    ]
    points, axes = _plane(np.array([means[name] for name in kept], np.float64), method)
    title = f"{feature}, {count(len(kept), 'clip')} of {path.resolve().parent.name}" + (f", {level}" if level else "")
    return Projection(
        title, points, axes, [labels[name][0] for name in kept], [labels[name][1] for name in kept], notes
    )


def _mean(file: FeatureFile, key: str) -> np.ndarray | None:
    """Return the mean over observed frames, (D,) float32, or None without one."""
    total, number = np.zeros(file.meta.dimension), 0
    for block in blocks(file, key):
        total += block.values[block.mask].astype(np.float64).sum(0)
        number += int(block.mask.sum())
    return (total / number).astype(np.float32) if number else None


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
        return reduced, (
            f"first component ({first:.1%} of the variance)",
            f"second component ({second:.1%} of the variance)",
        )
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
        drawn.suptitle(
            words("; ".join([f"{found.title}: mean over observed frames, standardised", *found.notes]), 160),
            fontsize=10,
            weight="bold",
        )
        _panel(left, found, found.emotions, emotions_of(found.emotions), "emotion")
        _panel(right, found, found.speakers, sorted(set(found.speakers)), "speaker")
        write(drawn, out)


def _panel(axis: Any, found: Projection, values: list[str], order: list[str], title: str) -> None:
    """Draw the points of one panel, a colour and a marker for each value; the rarer ones in grey where there are too
    many.
    """
    from matplotlib.lines import Line2D

    named = order
    if len(order) > _NAMED:
        named = sorted(sorted(order, key=lambda name: (-values.count(name), name))[: _NAMED - 1])
    kind = np.array([named.index(value) if value in named else -1 for value in values])
    handles = []
    for number in [*range(len(named)), *([-1] if (kind < 0).any() else [])]:
        colour, marker = (COLOURS[number], MARKERS[number]) if number >= 0 else ("#bbbbbb", ".")
        chosen = found.points[kind == number]
        axis.scatter(
            chosen[:, 0],
            chosen[:, 1],
            s=34,
            c=colour,
            marker=marker,
            edgecolors="white",
            linewidths=0.5,
            zorder=2 + (number >= 0),
        )
        label = words(named[number], 28) if number >= 0 else f"{len(order) - len(named)} other {title}s"
        handles.append(
            Line2D([], [], linestyle="", marker=marker, color=colour, markersize=6, label=f"{label} ({len(chosen)})")
        )
    axis.set_title(f"by {title}")
    axis.set_xlabel(found.axes[0])
    axis.set_ylabel(found.axes[1])
    axis.legend(handles=handles, title=f"{title} (clips)", loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
