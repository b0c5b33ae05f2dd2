"""`pipeline.faces.cropping.kinds.square`: square, never stretched, defined for every box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.faces.cropping.kinds.square import Params, cut

edge = st.floats(-300, 300, allow_nan=False)
extent = st.floats(0.01, 250)
boxes = st.tuples(edge, edge, extent, extent).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))


def square(rgb: np.ndarray, box: tuple[float, ...], px: int, margin: float = 1.2) -> np.ndarray:
    return cut(rgb, np.array(box), Params(px=px, margin=margin))


@given(boxes, st.integers(1, 90), st.integers(1, 90), st.sampled_from([16, 100]))
def test_any_box_gives_a_square_of_the_pictures_constant(box, height, width, px):
    crop = square(np.full((height, width, 3), (7, 99, 201), np.uint8), box, px)
    assert crop.shape == (px, px, 3)
    assert crop.dtype == np.uint8
    assert (crop == (7, 99, 201)).all()


def test_a_box_of_the_crops_size_is_copied():
    rgb = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert np.array_equal(square(rgb, (30, 20, 80, 70), 50, 1.0), rgb[20:70, 30:80])


def test_margin_enlarges_around_the_centre():
    rgb = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    assert np.array_equal(square(rgb, (30, 20, 80, 70), 100, 2.0), square(rgb, (5, -5, 105, 95), 100, 1.0))


def test_a_tall_box_is_not_stretched():
    rows, columns = np.mgrid[:200, :200]
    disc = np.where((rows - 100) ** 2 + (columns - 100) ** 2 < 30**2, 255, 0).astype(np.uint8)
    crop = square(np.repeat(disc[..., None], 3, axis=2), (80, 50, 120, 150), 100, 1.0)[..., 0] > 127
    assert abs(int(crop.any(axis=0).sum()) - int(crop.any(axis=1).sum())) <= 1


def test_borders_are_reflected_without_repeating_them():
    rgb = np.arange(20, dtype=np.uint8)[None, :, None].repeat(20, axis=0).repeat(3, axis=2)
    crop = square(rgb, (-3, 0, 17, 20), 20, 1.0)
    assert crop[0, :10, 0].tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (9, 5, 5, 9), (float("nan"), 0, 1, 1), (0, 0, float("inf"), 1)])
def test_no_box(box):
    with pytest.raises(ValueError, match="no box"):
        square(np.zeros((20, 20, 3), np.uint8), box, 16)
