"""The picture of posteriors over a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.prediction.judging import Course
from pipeline.reporting.figures import COLOURS, MARKERS, figure, words, write

_SIZE_IN = (8.0, 3.0)
_MARKS = 24
"""About so many markers stand on a line, or they would hide it."""


def draw(path: Path, course: Course, classes: Sequence[str], title: str, below: str) -> None:
    """Write a PNG with one line per emotion; a gap where nothing was observed.

    Args:
        path: the picture
        course: posteriors over the clip
        classes: emotions
        title: above it
        below: words under the time axis
    """
    with figure(*_SIZE_IN) as drawn:
        drawn.set_layout_engine("constrained")
        axes = drawn.add_subplot()
        for number, name in enumerate(classes):
            style: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)]}
            style |= {"markersize": 4, "linewidth": 1.4, "markevery": max(1, len(course.times) // _MARKS)}
            axes.plot(course.times, course.posteriors[:, number], label=words(name), **style)
        time = f"time from the beginning of the clip, s ({below})"
        axes.set(ylim=(0, 1), xlabel=time, ylabel="posterior", title=words(title, 80))
        drawn.legend(loc="outside right upper", frameon=False)
        write(drawn, path)
