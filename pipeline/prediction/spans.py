"""Windows over a clip: what of its features lies in a span of time."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures


class SpanParams(Settings):
    """Sliding windows."""

    window_s: float = Field(1.0, gt=0, description="length of a window, s")
    hop_s: float = Field(0.25, gt=0, description="from one window to the next, s")

    def centres(self, duration_s: float) -> np.ndarray:
        """Return the middle of every window, s: from 0 to the end of the clip. Windows at its edges hold what there is
        of them.
        """
        return np.arange(math.floor(duration_s / self.hop_s + 1e-9) + 1) * self.hop_s

    def cut(self, clip: ClipFeatures, centre: float) -> ClipFeatures:
        """Return the rows of a clip within the window about `centre`, s; a clip of one row as it is."""
        if len(clip.times) == 1:
            return clip
        return _rows(clip, self._inside(clip, centre))

    def masked(self, clip: ClipFeatures, centre: float) -> ClipFeatures:
        """Return all rows of a clip, those outside the window as not observed; for networks that take a fixed number of
        them.
        """
        if len(clip.times) == 1:
            return clip
        return dataclasses.replace(clip, mask=clip.mask & self._inside(clip, centre))

    def _inside(self, clip: ClipFeatures, centre: float) -> np.ndarray:
        return (clip.times >= centre - self.window_s / 2) & (clip.times < centre + self.window_s / 2)


def _rows(clip: ClipFeatures, chosen: np.ndarray) -> ClipFeatures:
    extra = {name: array[chosen] for name, array in clip.extra.items()}
    return ClipFeatures(clip.values[chosen], clip.times[chosen], clip.mask[chosen], extra)


def duration(clips: Sequence[ClipFeatures | None]) -> float:
    """Return how long a clip lasts by its features, s: until the last time of any."""
    return max((float(clip.times[-1]) for clip in clips if clip is not None and len(clip.times)), default=0.0)
