"""`pipeline.fusion.per_fold`: which validation clips are held out together; `late_fusion` tests the rest."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.fusion.per_fold import held_out_parts


@pytest.mark.parametrize(
    ("speakers", "expected"),
    [
        ("aabbcc", [0, 0, 1, 1, 2, 2]),
        ("cbacba", [2, 1, 0, 2, 1, 0]),
        ("aabbbb", [0, 1, 2, 3, 4, 0]),
        ("abcdefghijkl", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]),
        ("", []),
    ],
)
def test_held_out_parts(speakers, expected):
    assert held_out_parts(list(speakers), np.zeros(len(speakers), int)).tolist() == expected
