"""Which columns of a feature make the frames of an image set: those of some of its network layers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipeline.core.errors import SettingsError


def spans_of(names: Sequence[str], widths: Sequence[int], wanted: Sequence[str], place: str) -> np.ndarray:
    """Return where the wanted layers lie among the columns: (S, 2), the first column of each run and the one behind it.

    A feature whose columns no layer names (`names` is empty), or nothing wanted, gives (0, 2): all columns. Runs that
    meet are one. A SettingsError, which begins with `place`, says that the feature has none of the wanted layers.

    >>> spans_of(["pool1b", "pool3", "fc5"], [240, 960, 64], ["fc6", "fc5"], "layers").tolist()
    [[1200, 1264]]
    """
    found: list[list[int]] = []
    ends = np.cumsum(widths).tolist()
    for name, width, end in zip(names, widths, ends, strict=True) if names and wanted else ():
        if name in wanted and found and found[-1][1] == end - width:
            found[-1][1] = end
        elif name in wanted:
            found.append([end - width, end])
    if names and wanted and not found:
        has = ", ".join(names)
        raise SettingsError(
            f"{place}: {', '.join(wanted)}, but the feature has the layers {has}; name one, or [] for all"
        )
    return np.array(found, np.int64).reshape(-1, 2)


def columns_of(frames: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Return the columns of frames (T, D) within spans (S, 2), all where there is none; one run is not copied."""
    if len(spans) < 2:
        return frames[:, spans[0, 0] : spans[0, 1]] if len(spans) else frames
    return np.concatenate([frames[:, first:behind] for first, behind in spans], axis=1)
