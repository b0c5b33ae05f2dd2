"""Bootstrap intervals of accuracy and UAR, over clips and over speakers."""

from __future__ import annotations

from functools import lru_cache
from math import isnan, nan

import numpy as np

SEED = 2017


@lru_cache(maxsize=2)  # the models of a report are drawn alike, one after the other, speakers and clips
def _drawn(groups: int, draws: int) -> np.ndarray:
    """Return how often each draw of a bootstrap holds each group, (draws, groups)."""
    places = np.random.default_rng(SEED).integers(0, groups, (draws, groups)) + groups * np.arange(draws)[:, None]
    return np.bincount(places.ravel(), minlength=draws * groups).reshape(draws, groups).astype(float)


def interval(
    right: np.ndarray, groups: np.ndarray | None = None, draws: int = 2000, classes: np.ndarray | None = None
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a mean of (N,) 0 and 1; with `classes`, (N,), of UAR.

    With `groups`, (N,), these are drawn with replacement, each with all of its clips; the mean is that of the pooled
    clips (cluster bootstrap: Davison and Hinkley 1997, "Bootstrap methods and their application", section 3.8).
    Models that judged the same clips are drawn alike. UAR: mean recall of the emotions that a draw
    holds. NaN where there is but one group, since drawing it again and again tells nothing.
    """
    group = np.arange(len(right)) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(right) == 0 or group.max() == 0:
        return nan, nan
    kind = np.zeros(len(right), int) if classes is None else np.unique(classes, return_inverse=True)[1]
    hits, clips = np.zeros((2, group.max() + 1, kind.max() + 1))
    np.add.at(hits, (group, kind), right)
    np.add.at(clips, (group, kind), 1)
    times = _drawn(len(hits), draws)
    shown = times @ clips
    recalls = np.divide(times @ hits, shown, out=np.full(shown.shape, nan), where=shown > 0)
    low, high = np.quantile(np.nanmean(recalls, axis=1), [0.025, 0.975])
    return float(low), float(high)


def interval_of(
    right: np.ndarray, speakers: np.ndarray | None, draws: int, classes: np.ndarray | None = None
) -> tuple[float, float]:
    """Return the 95 % interval of a mean, or of UAR; over speakers it is the hull of that and of the one over clips.

    Clips of a speaker are alike, so that drawing clips gives too narrow an interval. But so does drawing few speakers:
    all that can be drawn lies between the worst and the best of them (Cameron, Gelbach and Miller 2008,
    "Bootstrap-based improvements for inference with clustered errors", on few clusters). The wider of both is the more
    honest. Without `speakers` clips alone are drawn. NaN where there is one speaker or one clip.

    >>> right = np.array([1, 1, 1, 0, 0, 1, 0, 0])
    >>> interval_of(right, np.repeat(["anna", "ben"], 4), draws=200)
    (0.125, 0.75)
    >>> interval_of(right, np.repeat(["anna"], 8), draws=200)
    (nan, nan)
    """
    by_clip = interval(right, None, draws, classes=classes)
    if speakers is None:
        return by_clip
    by_speaker = interval(right, speakers, draws, classes=classes)
    return (nan, nan) if isnan(by_speaker[0]) else (min(by_clip[0], by_speaker[0]), max(by_clip[1], by_speaker[1]))
