"""The picture of posteriors over a clip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.files import atomic_path
from pipeline.prediction.judging import Course

_SIZE_IN, _DPI = (8.0, 3.0), 100


def draw(path: Path, course: Course, classes: Sequence[str], title: str, below: str) -> None:
    """Write a PNG with one line per emotion; a gap where nothing was observed.

    Args:
        path: the picture
        course: posteriors over the clip
        classes: emotions
        title: above it
        below: words under the time axis
    """
    from matplotlib.figure import Figure  # draws without a screen, and takes a second to import

    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    for number, name in enumerate(classes):
        axes.plot(course.times, course.posteriors[:, number], label=name, marker="." if len(course.times) < 40 else None)
    axes.set(ylim=(0, 1), xlabel=f"time, s ({below})", ylabel="posterior", title=title.replace("$", r"\$"))
    figure.legend(loc="outside right upper", frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
