"""Where a clip goes from one shot to another."""

from __future__ import annotations

import cv2
import numpy as np

from pipeline.faces.tracking.patch import Grey, normed

_SIZE = (32, 18)


class Cuts:
    """Tell of each frame whether it begins another shot: whether its thumbnail is unlike the one before.

    Correlation, not difference, so that a flash or a fade of the light is none.

    Args:
        below: correlation of two thumbnails under which there is a cut, -1 to 1
    """

    def __init__(self, below: float) -> None:
        self._below = below
        self._last = np.zeros(_SIZE[0] * _SIZE[1], np.float32)

    def __call__(self, grey: Grey) -> bool:
        """Return whether this frame begins another shot than the frame before; false for the first one, and about flat
        ones.
        """
        thumbnail = cv2.resize(
            grey.pixels, _SIZE, interpolation=cv2.INTER_LINEAR
        )  # means over areas take twenty times as long
        last, self._last = self._last, normed(thumbnail)
        return bool(last.any() and self._last.any() and float(last @ self._last) < self._below)
