"""Where a clip goes from one shot to another."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.faces.patch import Grey, likeness

_SIZE = (32, 18)


class Cuts:
    """Tell of each frame whether it begins another shot: whether its thumbnail is unlike the one before.

    Correlation, not difference, so that a flash or a fade of the light is none.

    Args:
        below: correlation of two thumbnails under which there is a cut, -1 to 1
    """

    def __init__(self, below: float) -> None:
        self._below = below
        self._last: np.ndarray | None = None

    def __call__(self, grey: Grey) -> bool:
        """Return whether this frame begins another shot than the frame before; false for the first one."""
        thumbnail = cv2.resize(grey.pixels, _SIZE, interpolation=cv2.INTER_LINEAR)  # means over areas take twenty times as long
        last, self._last = self._last, thumbnail
        return last is not None and last.std() > 1 and thumbnail.std() > 1 and likeness(last, thumbnail) < self._below
