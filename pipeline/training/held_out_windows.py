"""Validation windows of a fold without validation clips: every 8th of its training windows.

As in the public code of Zhang et al. 2017 for its fine-tuning (`protocol.validate_by: windows`). Nothing of a test clip
is in them; their neighbours, which overlap them, and their speakers are trained on, so that validation tells when a
network has learned its clips and not how it does on unknown people.
"""

from __future__ import annotations

import numpy as np

from pipeline.protocols.splits import Fold

EVERY = 8


def on_windows(fold: Fold) -> bool:
    """Return whether a fold has no validation clips."""
    return "val" not in fold.values()


def kept_and_held_out(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the windows to train on, and of those to validate on; none of fewer than two.

    >>> [rows.tolist() for rows in kept_and_held_out(10)]
    [[1, 2, 3, 4, 5, 6, 7, 9], [0, 8]]
    """
    rows = np.arange(count)
    held = (rows % EVERY == 0) & (count > 1)
    return rows[~held], rows[held]
