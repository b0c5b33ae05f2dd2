"""Figures without a display and without any state that outlives them: equal input, equal bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.core.errors import SettingsError
from pipeline.core.files import atomic_path
from pipeline.runner.terminal import short

DPI = 130
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9",
    "#000000", "#A6761D", "#F0E442", "#7570B3", "#666666", "#1B7837",
)  # fmt: skip
"""Okabe and Ito's, to be told apart by the colour-blind, and four more; markers tell the same."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "<", ">", "p", "h")
UNOBSERVED: Mapping[str, Any] = {"facecolor": "#ffffff", "edgecolor": "#7f7f7f", "hatch": "////", "linewidth": 0.0}


@contextmanager
def figure(width: float, height: float) -> Iterator[Any]:
    """Give an empty figure, inches, whatever a user's own matplotlibrc says; to be drawn within the block, since text
    and lines are laid out only then.
    """
    import matplotlib
    from matplotlib import style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(), style.context("default"):
        matplotlib.rcParams.update(
            {"font.size": 8, "hatch.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False}
        )
        found = Figure(figsize=(width, height), dpi=DPI)
        FigureCanvasAgg(found)
        yield found


def check_name(path: Path) -> None:
    """Refuse a name that is no PNG's, before anything is computed, by a SettingsError."""
    if path.suffix.lower() != ".png" or path.is_dir():
        raise SettingsError(f"{path}: images are PNG; give a name that ends in .png")


def write(figure: Any, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; a SettingsError says why it cannot be."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    try:
        with atomic_path(path) as temporary:
            temporary.write_bytes(buffer.getvalue())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror}); name a file elsewhere") from error


def words(text: Any, most: int = 44) -> str:
    """Return text as a label: clean, not too long, never read as a formula and never left out of a legend."""
    label = short(text, most).replace("$", r"\$")
    return f" {label}" if label.startswith("_") else label
