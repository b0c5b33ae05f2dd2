"""The course of a clip: windows over it, and the table and the picture of the posteriors of each."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pipeline.core.settings import Settings
from pipeline.core.store import ClipFeatures
from pipeline.reporting.figures import COLOURS, MARKERS, figure, words, write

_SIZE_IN = (8.0, 3.0)
OUTLASTS_S = 0.75
"""Features of audio and video of one length end so much apart at most: windows of one are longer than of the other."""
_MARKS = 24
"""About so many markers stand on a line, or they would hide it."""


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
        chosen = self._inside(clip, centre)
        extra = {name: array[chosen] for name, array in clip.extra.items()}
        return ClipFeatures(clip.values[chosen], clip.times[chosen], clip.mask[chosen], extra)

    def masked(self, clip: ClipFeatures, centre: float) -> ClipFeatures:
        """Return all rows of a clip, those outside the window as not observed, for networks that take a fixed number of
        them; a clip of one row as it is.
        """
        if len(clip.times) == 1:
            return clip
        return dataclasses.replace(clip, mask=clip.mask & self._inside(clip, centre))

    def _inside(self, clip: ClipFeatures, centre: float) -> np.ndarray:
        inside = (clip.times >= centre - self.window_s / 2) & (clip.times < centre + self.window_s / 2)
        if (part := clip.extra.get("part")) is not None:  # features side by side, some with one row per clip
            inside |= np.bincount(part)[part] == 1
        return inside


def duration(clips: Iterable[ClipFeatures | None], video: Iterable[ClipFeatures | None] = ()) -> float:
    """Return how long a clip lasts by its features, s: until the last time of any; where those of the `video` end more
    than `OUTLASTS_S` earlier, until there, as audio that outlasts the video shows nothing of the course of a face.
    """
    ends = [float(one.times[-1]) for one in clips if one is not None and len(one.times)]
    seen = [float(one.times[-1]) for one in video if one is not None and len(one.times) > 1]
    whole = max(ends, default=0.0)
    return max(seen) if seen and max(seen) < whole - OUTLASTS_S else whole


def decision(posteriors: np.ndarray, classes: Sequence[str]) -> str:
    """Return the emotion with the largest posterior; "" where there are none."""
    return "" if np.isnan(posteriors).any() else classes[int(posteriors.argmax())]


@dataclass(frozen=True)
class Course:
    """Posteriors over one clip."""

    times: np.ndarray  # (W,) middles of the windows, s
    posteriors: np.ndarray  # (W, C); NaN where nothing was observed within the window

    def table(self, classes: Sequence[str]) -> pd.DataFrame:
        """Return one row per window: time (its middle, s), p_..., predicted."""
        posteriors = {f"p_{name}": self.posteriors[:, number] for number, name in enumerate(classes)}
        decided = [decision(row, classes) for row in self.posteriors]
        return pd.DataFrame({"time": self.times, **posteriors, "predicted": decided})

    def draw(self, path: Path, classes: Sequence[str], title: str, below: str) -> None:
        """Write a PNG: a line per emotion, a gap where nothing was observed; `below` stands under the time axis."""
        with figure(*_SIZE_IN) as drawn:
            drawn.set_layout_engine("constrained")
            axes = drawn.add_subplot()
            style: dict[str, Any] = {"markersize": 4, "linewidth": 1.4}
            style["markevery"] = max(1, len(self.times) // _MARKS)
            for number, name in enumerate(classes):
                colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
                values = self.posteriors[:, number]
                axes.plot(self.times, values, color=colour, marker=marker, label=words(name), **style)
            time = f"time from the beginning of the clip, s ({below})"
            axes.set(ylim=(0, 1), xlabel=time, ylabel="posterior", title=words(title, 80))
            drawn.legend(loc="outside right upper", frameon=False)
            write(drawn, path)
